//! The counters of a cache, as numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::engine::report::distribution::Distribution;
use crate::engine::report::route_stats::{RouteStats, ratio};
use crate::engine::report::value_stats::ValueStats;
use crate::engine::report::write_stats::WriteBehindStats;
use crate::engine::serialize::seconds;

/// The counters of a cache since it was built, and its memory use.
///
/// Returned by [`Cache::stats`](crate::Cache::stats). With serde, durations are seconds.
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
/// Install the recorder before the first request: the cache gets the handles of its counters once,
/// and reuses them. Requests, and the time and the bytes that hits served, are counted by each
/// thread and published every second, and when the cache is dropped. `larder_hit_age_seconds`,
/// `larder_value_hit_seconds` and `larder_value_hit_age_seconds` have one of 64 hits, so their
/// counts are not those of the hits.
///
/// | metric | kind | labels |
/// | --- | --- | --- |
/// | `larder_requests_total` | counter | `route`, `class`, `outcome`, `tier`, `reason` |
/// | `larder_misses_total` | counter | `reason` |
/// | `larder_request_seconds` | histogram | `route`, `class`, `result` |
/// | `larder_hit_age_seconds` | histogram | `route`, `class` |
/// | `larder_served_bytes_total` | counter | `route`, `class` |
/// | `larder_fills_total` | counter | `route`, `class` |
/// | `larder_fill_seconds` | histogram | `route`, `class` |
/// | `larder_evictions_total` | counter | `route`, `class` |
/// | `larder_eviction_age_seconds` | histogram | `route`, `class` |
/// | `larder_collapsed_total` | counter | |
/// | `larder_refreshes_total` | counter | |
/// | `larder_refreshes_skipped_total` | counter | |
/// | `larder_handler_time_saved_nanoseconds_total` | counter | |
/// | `larder_stored_total` | counter | `route`, `class` |
/// | `larder_not_shared_total` | counter | `reason` |
/// | `larder_not_stored_total` | counter | `route`, `class`, `reason` |
/// | `larder_invalidations_total` | counter | |
/// | `larder_folded_names_total` | counter | |
/// | `larder_floor_raises_total` | counter | |
/// | `larder_reclaimed_total` | counter | |
/// | `larder_reclaim_scans_total` | counter | |
/// | `larder_store_errors_total` | counter | `operation`, `kind` |
/// | `larder_slow_polls_total` | counter | |
/// | `larder_store_operation_seconds` | histogram | `operation` |
/// | `larder_invalidation_append_seconds` | histogram | |
/// | `larder_invalidation_lag_seconds` | histogram | |
/// | `larder_leases_total` | counter | `event` |
/// | `larder_lease_wait_seconds` | histogram | |
/// | `larder_memory_entries` | gauge | |
/// | `larder_memory_bytes` | gauge | |
/// | `larder_build_info` | gauge | `version` |
/// | `larder_instance_confirmation_age_ratio` | gauge | |
/// | `larder_instance_detached` | gauge | |
/// | `larder_instance_deferred_invalidations` | gauge | |
/// | `larder_instance_open_circuits` | gauge | |
/// | `larder_redis_up` | gauge | |
/// | `larder_redis_servers` | gauge | |
/// | `larder_redis_memory_used_bytes` | gauge | |
/// | `larder_redis_memory_peak_bytes` | gauge | |
/// | `larder_redis_memory_limit_bytes` | gauge | |
/// | `larder_redis_memory_resident_bytes` | gauge | |
/// | `larder_redis_fragmentation_ratio` | gauge | |
/// | `larder_redis_evicted_keys` | gauge | |
/// | `larder_redis_expired_keys` | gauge | |
/// | `larder_redis_hits` | gauge | |
/// | `larder_redis_misses` | gauge | |
/// | `larder_redis_hit_ratio` | gauge | |
/// | `larder_redis_connected_clients` | gauge | |
/// | `larder_redis_log_entries` | gauge | |
/// | `larder_redis_log_bytes` | gauge | |
/// | `larder_value_requests_total` | counter | `collection`, `outcome`, `tier`, `reason` |
/// | `larder_value_loads_total` | counter | `collection`, `outcome` |
/// | `larder_value_load_seconds` | histogram | `collection` |
/// | `larder_value_load_time_saved_nanoseconds_total` | counter | `collection` |
/// | `larder_value_hit_seconds` | histogram | `collection` |
/// | `larder_value_hit_age_seconds` | histogram | `collection` |
/// | `larder_value_evictions_total` | counter | `collection` |
/// | `larder_value_eviction_age_seconds` | histogram | `collection` |
/// | `larder_queued_writes_total` | counter | `collection`, `outcome`, `reason` |
/// | `larder_flushed_writes_total` | counter | `collection` |
/// | `larder_ignored_writes_total` | counter | `collection` |
/// | `larder_failed_flushes_total` | counter | `collection` |
/// | `larder_quarantined_writes_total` | counter | `collection` |
/// | `larder_queue_partitions` | gauge | `collection` |
/// | `larder_queue_writes` | gauge | `collection` |
/// | `larder_queue_bytes` | gauge | `collection` |
/// | `larder_queue_dead_writes` | gauge | `collection` |
/// | `larder_queue_oldest_seconds` | gauge | `collection` |
///
/// - `route` is the [name of the policy](crate::Policy::name). Without a name, it is the path that
///   axum matched, or `unnamed` if there is none.
/// - `class` is the [lifetime class](crate::Policy::class) of the policy.
/// - `result` is `memory`, `shared`, `stale`, `miss` or `bypass`. One in 64 hits in memory and one
///   in 64 bypasses are measured, on behalf of the others.
/// - `outcome` is `hit`, `stale`, `miss` or `bypass`.
/// - `tier` is `memory` or `shared` for a hit or a stale response, and `none` otherwise.
/// - `reason` is the reason that `Cache-Status` states, and `none` for a hit.
/// - `operation` is `read` or `write` for stored responses, `poll` or `append` for the
///   invalidation log, `lease` for leases, and `announce` for the record of this instance.
/// - `event` is `acquired` if a fill on this instance acquired the lease, `awaited` if this
///   instance waited for the holder of the lease, and `taken-over` if it acquired the lease after
///   that.
/// - `collection` is the name of a collection of [values](crate::values). The `outcome` of a load
///   is `value`, `absence` or `error`. That of a queued write is `queued` or `refused`. The
///   `reason` of a refused one is `not-queued`, `unknown`, `full`, `not-durable` or `invalid`.
/// - `kind` is `timeout`, `unreachable`, `circuit-open`, `refused` or `unreadable`.
/// - `version` is the version of Larder.
///
/// The gauges of memory show the sum of all caches in the process, and of their responses and
/// values. The gauges of the write queue show the partitions that this instance reads. Those of the
/// instance are sums over all caches with a shared store, and those of Redis are from its last
/// answer: see [`StoreStats`](crate::StoreStats).
///
/// # Logs
///
/// The cache logs through `tracing`, with the target `larder`.
///
/// At debug level, each request has a span `cache` with the fields `http.route`, `cache.key`,
/// `cache.outcome`, `cache.tier` and `cache.reason`. In the key, credentials are replaced by short
/// digests, as in [`StoredInfo`](crate::inspect::StoredInfo). The event `answered` is in that span.
/// The handler runs in a span `fill` inside the span `cache`. The span of a request that shares the
/// fill of another one is linked to the span of that fill (`follows_from`).
///
/// # OpenTelemetry
///
/// A layer of the crate `tracing-opentelemetry` exports these spans as they are, and links as span
/// links. `http.route` is the name of OpenTelemetry's semantic conventions for HTTP. With
/// `tower_http::trace::TraceLayer` around the cache, a trace of a miss has the spans request,
/// `cache`, `fill`, and those of the handler.
///
/// The cache logs trouble with the shared store once when it begins, at warn level, and once when
/// it ends, at info level. Trouble ends after a second without failures. The first answer of the
/// store is logged at info level too. Without trouble, nothing else is logged above debug level.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Requests answered with a fresh response from memory.
    pub hits_memory: u64,
    /// Requests answered with a fresh response from the shared store.
    pub hits_shared: u64,
    /// Requests answered with a stale response, grouped by the reason that allowed it.
    pub stale: BTreeMap<&'static str, u64>,
    /// Requests that could have been hits but were answered by the handler, grouped by reason.
    pub misses: BTreeMap<&'static str, u64>,
    /// Requests that bypassed the cache, grouped by reason.
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Requests that waited for the fill of another request instead of running the handler.
    pub collapsed: u64,
    /// Refreshes that began in the background, for responses that were stale or about to be.
    pub refreshes: u64,
    /// Refreshes that were skipped because too many were running.
    ///
    /// See [`max_concurrent_refreshes`](crate::CacheBuilder::max_concurrent_refreshes).
    pub refreshes_skipped: u64,
    /// Fills: runs of the handler whose response may be stored.
    pub fills: u64,
    /// The total time that the handler took in these fills.
    #[serde(rename = "fill_seconds", serialize_with = "seconds")]
    pub fill_time: Duration,
    /// Responses that were stored.
    pub stored: u64,
    /// Responses that were evicted from memory, to make room for others.
    pub evictions: u64,
    /// Responses that were stored only in memory, because the limit on new keys was reached.
    ///
    /// See [`Policy::max_new_keys_per_minute`](crate::Policy::max_new_keys_per_minute).
    pub not_shared: u64,
    /// Responses that were stored only in memory, because their bodies are too large to be shared.
    ///
    /// See [`CacheBuilder::max_shared_body_bytes`](crate::CacheBuilder::max_shared_body_bytes).
    pub too_large_to_share: u64,
    /// Responses that were not stored, grouped by reason.
    pub not_stored: BTreeMap<&'static str, u64>,
    /// The handler time that hits have saved.
    ///
    /// Each hit, fresh or stale, adds the time that the handler took for the response.
    #[serde(rename = "handler_seconds_saved", serialize_with = "seconds")]
    pub handler_time_saved: Duration,
    /// Selectors that were invalidated on this instance.
    pub invalidations: u64,
    /// Paths that were invalidated through their directory, or through the path above that.
    ///
    /// All other responses there that were filled before are refused as well. This number grows if
    /// writes invalidate more URIs than the cache
    /// [remembers](crate::CacheBuilder::invalidation_capacity). It also grows if writes on this
    /// instance invalidate more than about four thousand paths of one directory within a minute.
    pub folded_names: u64,
    /// How many times the cache refused everything that was filled before some moment.
    ///
    /// The cache does so if it has forgotten names, or if a part of the log is missing. An instance
    /// that starts with a long log does so once.
    pub floor_raises: u64,
    /// Invalidated responses that this instance removed from the shared store in the background.
    ///
    /// Only responses that were invalidated on this instance are removed. Many other invalidated
    /// responses are left to expire, for example those that were invalidated by a tag.
    pub reclaimed: u64,
    /// Scans of the shared store for invalidated responses to remove.
    ///
    /// Each scan covers a few hundred keys, and there are at most twenty scans per second.
    pub reclaim_scans: u64,
    /// Exchanges with the shared store that failed.
    pub store_errors: u64,
    /// Polls of the invalidation log that took 100 ms or longer.
    ///
    /// This instance counts its own polls, answered or not. Redis is slow, or the network is.
    pub slow_polls: u64,
    /// The time of the operations with the shared store, by `read`, `write`, `poll`, `append` and
    /// `lease`.
    ///
    /// Operations that fail before their time limit are not included. The time includes waits in
    /// this process, for example for other lookups that are sent in the same command.
    pub store_times: BTreeMap<&'static str, Distribution>,
    /// The time from an invalidation on this instance until it was applied or deferred.
    ///
    /// Without a shared store, there is none.
    pub append_times: Distribution,
    /// The time from an append to the invalidation log until this instance read the entry.
    ///
    /// Both moments are those of the store's clock, in whole milliseconds. The time that the answer
    /// needs to this instance is not included. The entries that an instance reads when it starts,
    /// or when the log has restarted, are not measured.
    pub invalidation_lag: Distribution,
    /// The time that fills and loads waited for other instances that had the lease.
    pub lease_waits: Distribution,
    /// Leases that fills on this instance acquired.
    ///
    /// A lease is the right to fill a response. Only one instance has it at a time.
    pub leases_acquired: u64,
    /// Fills of other instances that this instance waited for.
    ///
    /// If several requests on this instance need the same response, one of them waits on behalf of
    /// all, and this grows by one.
    pub leases_awaited: u64,
    /// Leases that this instance acquired after it had waited for another instance without success.
    ///
    /// The other instance was killed, failed without an answer or took too long, or its response
    /// was invalidated.
    pub leases_taken_over: u64,
    /// Responses in memory.
    ///
    /// This includes entries without a response, for example for keys that are uncacheable.
    pub memory_entries: u64,
    /// The approximate size of these entries in bytes.
    pub memory_bytes: u64,
    /// The counters of each route, by lifetime class and name.
    ///
    /// They add up to the fields of the same names above. A route appears with its first request.
    /// After 500 routes, all further ones share the name `other`.
    pub routes: Vec<RouteStats>,
    /// The counters of the collections of [values](crate::values), by name.
    ///
    /// None of the fields above counts values, except those about invalidations, the shared store
    /// and leases.
    pub values: BTreeMap<String, ValueStats>,
    /// The counters of the writes of write-behind collections and of operations, by name.
    pub write_behind: BTreeMap<String, WriteBehindStats>,
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
    pub fn hit_ratio(&self) -> f64 {
        ratio(self.hits(), self.misses.values().sum())
    }

    /// Returns the sum of the [routes](Self::routes) of each lifetime class.
    #[must_use]
    pub fn classes(&self) -> BTreeMap<String, RouteStats> {
        let mut classes: BTreeMap<&str, Vec<&RouteStats>> = BTreeMap::new();
        for route in &self.routes {
            classes.entry(&route.class).or_default().push(route);
        }
        let sum =
            |(class, routes): (&str, Vec<&RouteStats>)| (class.to_owned(), RouteStats::sum(class, routes));
        classes.into_iter().map(sum).collect()
    }
}
