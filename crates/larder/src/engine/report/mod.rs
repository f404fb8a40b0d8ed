//! Counters, metrics and log events of a cache, all with the words of `larder_core::outcome`.
//!
//! - `mod.rs`: `Report`, the counters
//! - `hits.rs`: the counters of fresh hits, one set for each thread
//! - `request_counters.rs`: the counters of requests by outcome
//! - `route_counters.rs`: the counters of one route, and `route_table.rs` has all of them
//! - `route_stats.rs`: `RouteStats`, the counters of a route as numbers for users
//! - `distribution.rs`: how durations are distributed
//! - `outcome_index.rs`: a number for each outcome, for arrays of counters
//! - `value_counters.rs`: the counters of a collection of values
//! - `value_stats.rs`: `ValueStats`, these counters as numbers for users
//! - `value_metrics.rs`: the metrics of a collection of values
//! - `write_counters.rs`: the counters of a collection whose writes are queued, and
//!   `write_metrics.rs` has its metrics
//! - `write_stats.rs`: `WriteBehindStats`, these counters as numbers for users
//! - `write_queue_state.rs`: `WriteQueueState`, the state of the write queue for users
//! - `stats.rs`: `Stats`, the counters as numbers for users
//! - `metrics.rs`: the same through the `metrics` facade
//! - `store_gauges.rs`: the gauges of the shared store and of this instance
//! - `announce_log.rs`: one log event if this instance cannot be announced to the others
//! - `clock_skew.rs`: one log event if the clock differs from that of the shared store
//! - `lease_event.rs`: the events of leases that are counted
//! - `top_keys.rs`: the keys with the most requests, handler time, bytes and misses
//! - `store_times.rs`: how long the work with the shared store takes
//! - `store_state.rs`: `StoreState`, the state of the shared store for users
//! - `store_health.rs`: one log event when trouble with the shared store begins, and one when it
//!   ends
//! - `warned_once.rs`: mistakes in an application, each of which is logged once

mod announce_log;
mod clock_skew;
pub(crate) mod distribution;
pub(crate) mod hits;
pub(crate) mod lease_event;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
mod outcome_index;
mod request_counters;
pub(crate) mod route_counters;
pub(crate) mod route_stats;
pub(crate) mod route_table;
pub(crate) mod stats;
#[cfg(feature = "metrics")]
pub(crate) mod store_gauges;
pub(crate) mod store_health;
pub(crate) mod store_state;
pub(crate) mod store_times;
pub(crate) mod top_keys;
pub(crate) mod value_counters;
#[cfg(feature = "metrics")]
pub(crate) mod value_metrics;
pub(crate) mod value_stats;
pub(crate) mod warned_once;
pub(crate) mod write_counters;
#[cfg(feature = "metrics")]
pub(crate) mod write_metrics;
pub(crate) mod write_queue_state;
pub(crate) mod write_stats;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::invalidation::table::Forgotten;
use larder_core::outcome::NotShared;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::time::{BootTime, Clock, WallTime};

use crate::engine::report::announce_log::AnnounceLog;
use crate::engine::report::clock_skew::ClockSkew;
use crate::engine::report::lease_event::LeaseEvent;
use crate::engine::report::route_stats::RouteStats;
use crate::engine::report::route_table::RouteTable;
use crate::engine::report::stats::Stats;
use crate::engine::report::store_health::{StoreHealth, StoreOp};
use crate::engine::report::store_state::StoreState;
use crate::engine::report::store_times::StoreTimes;
use crate::engine::report::top_keys::KeyCounters;
use crate::engine::report::write_counters::WriteTable;
use crate::engine::report::write_queue_state::WriteQueueStates;

/// The time from which on a poll of the log is slow. It usually takes a millisecond.
const SLOW_POLL: Duration = Duration::from_millis(100);

/// The number of entries in a memory tier, and their size in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemoryUsage {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// The counters of a cache.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) routes: Arc<RouteTable>,
    refreshes: AtomicU64,
    refreshes_skipped: AtomicU64,
    not_shared: [AtomicU64; NotShared::ALL.len()],
    invalidations: AtomicU64,
    folded: AtomicU64,
    floor_raises: AtomicU64,
    reclaimed: AtomicU64,
    reclaim_scans: AtomicU64,
    store_errors: AtomicU64,
    shared_writes: AtomicU64,
    shared_bytes: AtomicU64,
    /// The keys with the most requests, if they are counted.
    pub(crate) top_keys: Option<KeyCounters>,
    slow_polls: AtomicU64,
    announce_log: AnnounceLog,
    leases: [AtomicU64; 3],
    store_health: StoreHealth,
    pub(crate) store_times: StoreTimes,
    pub(crate) write_queues: WriteQueueStates,
    pub(crate) writes: WriteTable,
    clock_skew: ClockSkew,
}

/// Registers the descriptions of all metrics with the recorder.
#[cfg(feature = "metrics")]
pub(crate) fn describe_metrics(version: &'static str) {
    metrics::describe();
    store_gauges::describe(version);
    metrics::store_metrics::describe();
    value_metrics::describe();
    write_metrics::describe();
}

/// Adds to a counter. Nothing depends on the order in which other threads see this.
fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Returns the counts that are not zero, each with its word.
fn by_word(
    counters: &[AtomicU64],
    words: &mut dyn Iterator<Item = &'static str>,
) -> BTreeMap<&'static str, u64> {
    words
        .zip(counters)
        .map(|(word, counter)| (word, counter.load(Ordering::Relaxed)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Report {
    /// Creates counters of zero. Those of keys take memory, so they are optional.
    pub(crate) fn new(counts_top_keys: bool) -> Self {
        Self { top_keys: counts_top_keys.then(KeyCounters::new), ..Self::default() }
    }

    /// Records a refresh in the background that begins.
    pub(crate) fn refresh_started(&self) {
        add(&self.refreshes, 1);
        #[cfg(feature = "metrics")]
        metrics::record_refresh();
    }

    /// Records a refresh that did not begin, because too many are running.
    pub(crate) fn refresh_skipped(&self) {
        add(&self.refreshes_skipped, 1);
        #[cfg(feature = "metrics")]
        metrics::record_refresh_skipped();
    }

    /// Records an event of a lease.
    pub(crate) fn lease_event(&self, what: LeaseEvent) {
        add(&self.leases[what as usize], 1);
        #[cfg(feature = "metrics")]
        metrics::record_lease_event(what);
    }

    /// Compares the time of the shared store with the times at which it was asked and answered.
    pub(crate) fn store_time(&self, store: WallTime, asked: WallTime, answered: WallTime) {
        self.clock_skew.compare(store, asked, answered);
    }

    /// Records a response that was stored in memory alone.
    pub(crate) fn not_shared(&self, reason: NotShared) {
        add(&self.not_shared[reason.index()], 1);
        #[cfg(feature = "metrics")]
        metrics::record_not_shared(reason);
    }

    /// Records the number of selectors of an invalidation.
    pub(crate) fn invalidated(&self, selectors: usize) {
        add(&self.invalidations, selectors as u64);
        #[cfg(feature = "metrics")]
        metrics::record_invalidated(selectors as u64);
    }

    /// Records invalidated names that were forgotten. More responses are refused in their place.
    pub(crate) fn names_forgotten(&self, forgotten: Forgotten) {
        if forgotten == Forgotten::default() {
            return;
        }
        add(&self.folded, forgotten.folded);
        add(&self.floor_raises, forgotten.floor_raises);
        #[cfg(feature = "metrics")]
        metrics::record_forgotten(forgotten);
    }

    /// Records a value of this size that was written to the shared store.
    pub(crate) fn shared(&self, bytes: u64) {
        add(&self.shared_writes, 1);
        add(&self.shared_bytes, bytes);
    }

    /// Returns the mean size of the values that were written to the shared store.
    pub(crate) fn mean_shared_bytes(&self) -> Option<u64> {
        let (writes, bytes) = (&self.shared_writes, &self.shared_bytes);
        bytes.load(Ordering::Relaxed).checked_div(writes.load(Ordering::Relaxed))
    }

    /// Records how many responses were removed from the shared store, and the scans that this took.
    pub(crate) fn reclaimed(&self, responses: u64, scans: u64) {
        add(&self.reclaimed, responses);
        add(&self.reclaim_scans, scans);
        #[cfg(feature = "metrics")]
        metrics::record_reclaimed(responses, scans);
    }

    /// Records an operation with the shared store that began at `began` and failed.
    ///
    /// Its time is only recorded if it timed out: an error without an answer says nothing about the
    /// store's speed.
    pub(crate) fn store_error(
        &self,
        operation: StoreOp,
        began: BootTime,
        error: &StoreError,
        clock: &dyn Clock,
    ) {
        add(&self.store_errors, 1);
        #[cfg(feature = "metrics")]
        metrics::record_store_error(operation.as_str(), error);
        if error.kind() == StoreErrorKind::Timeout {
            self.store_times.operation(operation, clock.boot().saturating_since(began));
        }
        self.store_health.failed(operation, error, clock);
    }

    /// Records an announcement of this instance that failed.
    pub(crate) fn announcement_failed(&self, error: &StoreError) {
        add(&self.store_errors, 1);
        #[cfg(feature = "metrics")]
        metrics::record_store_error("announce", error);
        self.announce_log.failed(error);
    }

    /// Records how long a poll of the log took, whatever its result.
    pub(crate) fn poll_took(&self, time: Duration) {
        if time < SLOW_POLL {
            return;
        }
        add(&self.slow_polls, 1);
        #[cfg(feature = "metrics")]
        metrics::record_slow_poll();
    }

    /// Returns the number of slow polls.
    pub(crate) fn slow_polls(&self) -> u64 {
        self.slow_polls.load(Ordering::Relaxed)
    }

    /// Records an operation with the shared store that began at `began` and succeeded.
    pub(crate) fn store_ok(&self, operation: StoreOp, began: BootTime, clock: &dyn Clock) {
        self.store_times.operation(operation, clock.boot().saturating_since(began));
        self.store_health.worked(operation, clock);
    }

    /// Records the result of an operation with the shared store that began at `began`.
    pub(crate) fn store_result<T>(
        &self,
        operation: StoreOp,
        began: BootTime,
        result: &Result<T, StoreError>,
        clock: &dyn Clock,
    ) {
        match result {
            Ok(_) => self.store_ok(operation, began, clock),
            Err(error) => self.store_error(operation, began, error, clock),
        }
    }

    /// Records the result of an operation with the shared store that ended at `ended`.
    ///
    /// This is for callers that need this moment themselves, and read the clock once.
    pub(crate) fn store_result_at<T>(
        &self,
        operation: StoreOp,
        began: BootTime,
        ended: BootTime,
        result: &Result<T, StoreError>,
        clock: &dyn Clock,
    ) {
        match result {
            Ok(_) => {
                self.store_times.operation(operation, ended.saturating_since(began));
                self.store_health.worked(operation, clock);
            }
            Err(error) => self.store_error(operation, began, error, clock),
        }
    }

    /// Returns the state of the shared store, by the results of the operations with it.
    pub(crate) fn store_state(&self) -> StoreState {
        self.store_health.store_state()
    }

    /// Returns all counters as numbers, with this memory use. Those of values are not among them.
    pub(crate) fn stats(&self, memory: MemoryUsage) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let routes: Vec<_> = self.routes.all().iter().map(|route| route.stats()).collect();
        let all = RouteStats::sum("", &routes);
        Stats {
            hits_memory: all.hits_memory,
            hits_shared: all.hits_shared,
            stale: all.stale,
            misses: all.misses,
            bypasses: all.bypasses,
            collapsed: all.collapsed,
            refreshes: get(&self.refreshes),
            refreshes_skipped: get(&self.refreshes_skipped),
            fills: all.fills,
            fill_time: all.fill_time,
            stored: all.stored,
            evictions: all.evictions,
            not_shared: get(&self.not_shared[NotShared::NewKeys.index()]),
            too_large_to_share: get(&self.not_shared[NotShared::TooLarge.index()]),
            not_stored: all.not_stored,
            handler_time_saved: all.handler_time_saved,
            invalidations: get(&self.invalidations),
            folded_names: get(&self.folded),
            floor_raises: get(&self.floor_raises),
            reclaimed: get(&self.reclaimed),
            reclaim_scans: get(&self.reclaim_scans),
            store_errors: get(&self.store_errors),
            slow_polls: self.slow_polls(),
            store_times: self.store_times.operations(),
            lease_waits: self.store_times.lease_waits(),
            append_times: self.store_times.appends(),
            invalidation_lag: self.store_times.lags(),
            leases_acquired: get(&self.leases[LeaseEvent::Acquired as usize]),
            leases_awaited: get(&self.leases[LeaseEvent::Awaited as usize]),
            leases_taken_over: get(&self.leases[LeaseEvent::TakenOver as usize]),
            memory_entries: memory.entries,
            memory_bytes: memory.bytes,
            routes,
            write_behind: self.writes.stats(),
            values: BTreeMap::new(),
        }
    }
}
