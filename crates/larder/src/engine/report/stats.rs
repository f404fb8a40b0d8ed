//! The counters of a cache, as numbers.

use std::collections::BTreeMap;
use std::time::Duration;

/// The counters of a cache since it was built, and its memory use.
///
/// Returned by [`Cache::stats`](crate::Cache::stats).
///
/// # Examples
///
/// ```
/// use larder::Cache;
///
/// let stats = Cache::default().stats();
/// assert_eq!(stats.hits(), 0);
/// for (reason, count) in &stats.misses {
///     println!("{count} misses: {reason}");
/// }
/// ```
///
/// # Metrics
///
/// With the feature `metrics`, the same numbers go through the `metrics` facade as they change.
/// Install the recorder before the first request, because the cache stores the handles of its
/// counters.
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
/// - `route` is the [name of the policy](crate::Policy::name). Without a name, it is the path by
///   which axum routed the request, or else `unnamed`.
/// - `outcome` is `hit`, `stale`, `miss` or `bypass`.
/// - `tier` is `memory` or `shared` for a hit or a stale response, and `none` otherwise.
/// - `reason` is the word in `Cache-Status`, and `none` for a hit.
/// - `exchange` is `read` or `write` for stored responses, `look` (a poll) or `append` for the
///   invalidation log, and `lease` for leases.
/// - `event` is `taken` if a fill on this instance acquired the lease, `awaited` if this instance
///   waited for the holder of the lease, and `taken-over` if it acquired the lease after that.
/// - `kind` is `timeout`, `unreachable`, `circuit-open`, `refused` or `unreadable`.
///
/// Gauges show the sum of all caches in the process.
///
/// # Logs
///
/// The cache logs through `tracing`, with the target `larder`.
///
/// At debug level, each request has a span `cache` with the fields `route`, `key`, `outcome`,
/// `tier` and `reason`, and an event `answered` in that span. The handler runs in a span `fill`
/// within it.
///
/// At warn level, the cache logs trouble with the shared store: once when it begins, and once when
/// it has ended, which is after a second without failures. Without trouble, nothing is logged above
/// debug level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests answered with a fresh response from memory.
    pub hits_memory: u64,
    /// Requests answered with a fresh response from the shared store.
    pub hits_shared: u64,
    /// Requests answered with a stale response, by the reason why this was allowed.
    pub stale: BTreeMap<&'static str, u64>,
    /// Requests that could have been hits but were answered by the handler, by the reason.
    pub misses: BTreeMap<&'static str, u64>,
    /// Requests that bypassed the cache, by the reason.
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Requests that waited for the fill of another request instead of running the handler.
    pub collapsed: u64,
    /// Refreshes that began in the background, for responses that were stale or about to be.
    pub refreshes: u64,
    /// Refreshes that were skipped because too many were running.
    ///
    /// See [`max_concurrent_refreshes`](crate::CacheBuilder::max_concurrent_refreshes).
    pub refreshes_skipped: u64,
    /// Fills, which are runs of the handler for a response to store.
    pub fills: u64,
    /// The total time that the handler took in these fills.
    pub fill_time: Duration,
    /// Responses that were stored.
    pub stored: u64,
    /// Responses that were stored in memory alone, because the budget of new keys was spent.
    ///
    /// See [`Policy::max_new_keys_per_minute`](crate::Policy::max_new_keys_per_minute).
    pub not_shared: u64,
    /// Responses that were not stored, by the reason.
    pub not_stored: BTreeMap<&'static str, u64>,
    /// The handler time that hits have saved.
    ///
    /// For each hit, fresh or stale, this is the time that the handler took for the response.
    pub handler_time_saved: Duration,
    /// Selectors that were invalidated on this instance.
    pub invalidations: u64,
    /// Paths that were invalidated by their directory, or by the path above that.
    ///
    /// Everything that lies there and was filled before is refused as well. This number grows if
    /// writes name more URIs than are [remembered](crate::CacheBuilder::invalidation_capacity), or
    /// more than about four thousand paths of one directory within a minute on this instance.
    pub folded_names: u64,
    /// How many times everything that was filled before some moment was refused.
    ///
    /// This happens if names were forgotten, or if a part of the log was missing. An instance that
    /// starts with a long log counts one.
    pub floor_raises: u64,
    /// Invalidated responses that this instance removed from the shared store in the background.
    ///
    /// Only responses that were invalidated on this instance are removed. Many others are left to
    /// expire, for example those that were invalidated by a tag.
    pub reclaimed: u64,
    /// Scans of the shared store for such responses.
    ///
    /// Each scan covers a few hundred keys, and there are at most twenty in a second.
    pub reclaim_scans: u64,
    /// Exchanges with the shared store that failed.
    pub store_errors: u64,
    /// Leases that fills on this instance acquired.
    ///
    /// A lease is the right to fill a response, which one instance at a time has.
    pub leases_taken: u64,
    /// Fills of other instances that this instance waited for.
    ///
    /// One request waits on behalf of all requests of this instance for the same response, so this
    /// counts one.
    pub leases_awaited: u64,
    /// Leases that this instance acquired after it had waited for another instance in vain.
    ///
    /// The other instance was killed, failed without an answer or took too long, or its response
    /// was invalidated.
    pub leases_taken_over: u64,
    /// Responses in memory.
    ///
    /// This includes keys that are remembered without a response.
    pub memory_entries: u64,
    /// The approximate size of these responses in bytes.
    pub memory_bytes: u64,
}

impl Stats {
    /// Returns the number of requests that were answered from the cache, fresh or stale.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits_memory + self.hits_shared + self.stale.values().sum::<u64>()
    }

    /// Returns the share of hits among the requests that could have been hits, from 0.0 to 1.0.
    ///
    /// Returns 0.0 before the first such request.
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
