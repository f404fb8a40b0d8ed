//! What the cache did so far, as numbers.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a cache did since it was built, and what it holds now.
///
/// # Metrics
///
/// With the feature `metrics` the same goes through the `metrics` facade as it happens. Install the recorder before the
/// first request: handles of counters are kept.
///
/// | metric | kind | labels |
/// | --- | --- | --- |
/// | `larder_requests_total` | counter | `route`, `outcome`, `tier`, `reason` |
/// | `larder_misses_total` | counter | `reason` |
/// | `larder_fills_total` | counter | |
/// | `larder_fill_seconds` | histogram | |
/// | `larder_collapsed_total` | counter | |
/// | `larder_refreshes_total` | counter | |
/// | `larder_refreshes_left_out_total` | counter | |
/// | `larder_saved_nanoseconds_total` | counter | |
/// | `larder_stored_total` | counter | |
/// | `larder_unshared_total` | counter | |
/// | `larder_not_stored_total` | counter | `reason` |
/// | `larder_invalidations_total` | counter | |
/// | `larder_folded_names_total` | counter | |
/// | `larder_floor_raises_total` | counter | |
/// | `larder_reclaimed_total` | counter | |
/// | `larder_reclaim_scans_total` | counter | |
/// | `larder_store_errors_total` | counter | `exchange`, `kind` |
/// | `larder_leases_total` | counter | `event` |
/// | `larder_held_responses` | gauge | |
/// | `larder_held_bytes` | gauge | |
///
/// - `route` is the [name of the policy](crate::Policy::name), else the path that axum routed the request by, else `unnamed`.
/// - `outcome` is `hit`, `stale`, `miss` or `bypass`.
/// - `tier` is `memory` or `shared` for a hit and for what is stale, else `none`.
/// - `reason` is the word that `Cache-Status` shows, and `none` for a hit.
/// - `exchange` is `read` or `write` of responses, `look` or `append` of the invalidation log, `lease` for the right to fill.
/// - `event` is `taken` where a fill here got the lease that one instance has at a time, `awaited` where another
///   instance had it, and `taken-over` where it was taken after that.
/// - `kind` is `timeout`, `unreachable`, `circuit-open`, `refused` or `unreadable`.
///
/// Gauges show the sum of all caches of the process.
///
/// # Logs
///
/// Through `tracing`, with the target `larder`. At debug, each request has a span `cache` with `route`, `key`,
/// `outcome`, `tier` and `reason`, in which the event `answered` is; the handler runs in a span `fill` within it. Trouble
/// with the shared store is told at warn, once when it begins and once when it has ended: after a second without
/// failures. While all is well, nothing is told above debug.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests answered with a fresh response from memory.
    pub hits_memory: u64,
    /// Requests answered with a fresh response from the shared store.
    pub hits_shared: u64,
    /// Requests answered with a stale response, by the reason why that was allowed.
    pub stale: BTreeMap<&'static str, u64>,
    /// Requests that the handler answered although they could have been hits, by the reason why they were none.
    pub misses: BTreeMap<&'static str, u64>,
    /// Requests that went past the cache, by the reason.
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Requests that waited for another one's fill instead of running the handler.
    pub collapsed: u64,
    /// Refreshes in the background that began, of responses that were stale, or nearly.
    pub refreshes: u64,
    /// Refreshes that were left out because [too many](crate::CacheBuilder::max_concurrent_refreshes) were under way.
    pub refreshes_skipped: u64,
    /// Runs of the handler to make a stored response.
    pub fills: u64,
    /// The time that those runs took, added up.
    pub fill_time: Duration,
    /// Responses that were stored.
    pub stored: u64,
    /// Responses that were stored in memory alone, as the policy's
    /// [budget of new keys](crate::Policy::max_new_keys_per_minute) was spent.
    pub not_shared: u64,
    /// Responses that were not stored, by the reason.
    pub not_stored: BTreeMap<&'static str, u64>,
    /// The handler time that hits have saved: for each hit, fresh or stale, what its response took to make.
    pub handler_time_saved: Duration,
    /// Selectors that were invalidated here.
    pub invalidations: u64,
    /// Paths that were invalidated by their directory, or by the path above that. What was filled before and lies there is
    /// refused as well. If it grows, more URIs are written to than are
    /// [remembered](crate::CacheBuilder::invalidation_capacity), or more than about four thousand paths of one directory within a
    /// minute here.
    pub folded_names: u64,
    /// How often everything that was filled before some moment was refused, because names were forgotten or because part
    /// of the log was missing. An instance that starts beside a long log counts one.
    pub floor_raises: u64,
    /// Responses that were removed from the shared store, behind the scenes, because they were invalidated here. Many are
    /// left to expire: those that were invalidated by a tag, for one.
    pub reclaimed: u64,
    /// Scans of the shared store for such responses, each of a few hundred keys; at most twenty in a second.
    pub reclaim_scans: u64,
    /// Exchanges with the shared store that failed.
    pub store_errors: u64,
    /// Fills that had the lease: the right to fill a response, which one of all instances has at a time.
    pub leases_taken: u64,
    /// Fills of other instances that were waited for. Of the requests of one instance, one asks on behalf of all that
    /// wait with it.
    pub leases_awaited: u64,
    /// Leases that were taken after another instance had been waited for in vain: it was killed, it failed without an
    /// answer, took too long, or what it made was invalidated.
    pub leases_taken_over: u64,
    /// Responses in memory, counting keys that are remembered without one.
    pub memory_entries: u64,
    /// About how many bytes they take.
    pub memory_bytes: u64,
}

impl Stats {
    /// Requests answered from the cache, fresh or stale.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits_memory + self.hits_shared + self.stale.values().sum::<u64>()
    }

    /// The share of hits in the requests that could have been hits, from 0 to 1; 0 before the first.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // A ratio does not need 53 bits.
    pub fn hit_ratio(&self) -> f64 {
        let hits = self.hits();
        match hits + self.misses.values().sum::<u64>() {
            0 => 0.0,
            all => hits as f64 / all as f64,
        }
    }
}
