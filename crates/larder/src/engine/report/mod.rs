//! Counters, metrics and log events of a cache, all with the words of `larder_core::outcome`.
//!
//! - `mod.rs`: `Report`, the counters
//! - `hits.rs`: the counters of fresh hits, one set for each thread
//! - `value_counters.rs`: the counters of a collection of values, and `ValueStats`
//! - `value_metrics.rs`: the metrics of a collection of values
//! - `stats.rs`: `Stats`, the counters as numbers for users
//! - `metrics.rs`: the same through the `metrics` facade
//! - `clock_skew.rs`: one log event if the clock differs from that of the shared store
//! - `lease_event.rs`: the events of leases that are counted
//! - `store_state.rs`: `StoreState`, the state of the shared store for users
//! - `store_health.rs`: one log event when trouble with the shared store begins, and one when it
//!   ends
//! - `warned_once.rs`: mistakes in an application, each of which is logged once

mod clock_skew;
pub(crate) mod hits;
pub(crate) mod lease_event;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
pub(crate) mod stats;
pub(crate) mod store_health;
pub(crate) mod store_state;
pub(crate) mod value_counters;
#[cfg(feature = "metrics")]
pub(crate) mod value_metrics;
pub(crate) mod warned_once;
pub(crate) mod write_queue_state;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::invalidation::table::Forgotten;
use larder_core::outcome::{BypassReason, MissReason, NotShared, NotStored, Outcome, StaleReason, Tier};
use larder_core::store::StoreError;
use larder_core::time::{Clock, WallTime};

use crate::engine::report::clock_skew::ClockSkew;
use crate::engine::report::hits::Hits;
use crate::engine::report::lease_event::LeaseEvent;
use crate::engine::report::stats::Stats;
use crate::engine::report::store_health::{StoreHealth, StoreOp};
use crate::engine::report::store_state::StoreState;
use crate::engine::report::write_queue_state::WriteQueueStates;

/// The number of entries in a memory tier, and their size in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemoryUsage {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// The counters of a cache.
#[derive(Default)]
pub(crate) struct Report {
    hits: Hits,
    stale: [AtomicU64; StaleReason::ALL.len()],
    misses: [AtomicU64; MissReason::ALL.len()],
    bypasses: [AtomicU64; BypassReason::ALL.len()],
    not_stored: [AtomicU64; NotStored::ALL.len()],
    collapsed: AtomicU64,
    refreshes: AtomicU64,
    refreshes_skipped: AtomicU64,
    fills: AtomicU64,
    fill_nanos: AtomicU64,
    stored: AtomicU64,
    not_shared: [AtomicU64; NotShared::ALL.len()],
    invalidations: AtomicU64,
    folded: AtomicU64,
    floor_raises: AtomicU64,
    reclaimed: AtomicU64,
    reclaim_scans: AtomicU64,
    store_errors: AtomicU64,
    leases: [AtomicU64; 3],
    store_health: StoreHealth,
    pub(crate) write_queues: WriteQueueStates,
    clock_skew: ClockSkew,
    #[cfg(feature = "metrics")]
    saved_time: metrics::SavedTime,
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
    /// Records a request with this outcome.
    #[inline]
    pub(crate) fn record(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Hit(tier) => return self.hits.count(tier),
            Outcome::Stale(_, reason) => &self.stale[reason.index()],
            Outcome::Miss(reason) => &self.misses[reason.index()],
            Outcome::Bypass(reason) => &self.bypasses[reason.index()],
        };
        add(counter, 1);
        #[cfg(feature = "metrics")]
        if let Outcome::Miss(reason) = outcome {
            metrics::record_miss(reason);
        }
    }

    /// Records a fresh hit. The handler took `cost` nanoseconds for the response.
    #[inline]
    pub(crate) fn record_hit(&self, tier: Tier, cost: u64) {
        self.hits.count_with_savings(tier, cost);
        #[cfg(feature = "metrics")]
        self.saved_time.add(cost);
    }

    /// Adds the handler time that a stored response saved.
    #[inline]
    pub(crate) fn add_saved(&self, cost: Duration) {
        self.hits.add_saved(nanos(cost));
        #[cfg(feature = "metrics")]
        self.saved_time.add(nanos(cost));
    }

    /// Records a request that waited for the fill of another request.
    pub(crate) fn collapsed(&self) {
        add(&self.collapsed, 1);
        #[cfg(feature = "metrics")]
        metrics::record_collapsed();
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

    /// Records a fill of this route, for which the handler took this long.
    #[cfg_attr(not(feature = "metrics"), allow(unused_variables))] // Only metrics have routes.
    pub(crate) fn fill_finished(&self, route: &str, cost: Duration) {
        add(&self.fills, 1);
        add(&self.fill_nanos, nanos(cost));
        #[cfg(feature = "metrics")]
        metrics::record_fill(route, cost);
    }

    /// Records whether a response of this route was stored, or why not.
    #[cfg_attr(not(feature = "metrics"), allow(unused_variables))] // Only metrics have routes.
    pub(crate) fn store_decision(&self, route: &str, stored: Result<(), NotStored>) {
        match stored {
            Ok(()) => add(&self.stored, 1),
            Err(reason) => add(&self.not_stored[reason.index()], 1),
        }
        #[cfg(feature = "metrics")]
        metrics::record_store_decision(route, stored);
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

    /// Records how many responses were removed from the shared store, and the scans that this took.
    pub(crate) fn reclaimed(&self, responses: u64, scans: u64) {
        add(&self.reclaimed, responses);
        add(&self.reclaim_scans, scans);
        #[cfg(feature = "metrics")]
        metrics::record_reclaimed(responses, scans);
    }

    /// Records an operation with the shared store that failed.
    pub(crate) fn store_error(&self, operation: StoreOp, error: &StoreError, clock: &dyn Clock) {
        add(&self.store_errors, 1);
        #[cfg(feature = "metrics")]
        metrics::record_store_error(operation, error);
        self.store_health.failed(operation, error, clock);
    }

    /// Records an operation with the shared store that succeeded.
    pub(crate) fn store_ok(&self, operation: StoreOp, clock: &dyn Clock) {
        self.store_health.worked(operation, clock);
    }

    /// Records the result of an operation with the shared store.
    pub(crate) fn store_result<T>(
        &self,
        operation: StoreOp,
        result: &Result<T, StoreError>,
        clock: &dyn Clock,
    ) {
        match result {
            Ok(_) => self.store_ok(operation, clock),
            Err(error) => self.store_error(operation, error, clock),
        }
    }

    /// Returns the state of the shared store, by the results of the operations with it.
    pub(crate) fn store_state(&self) -> StoreState {
        self.store_health.store_state()
    }

    /// Returns all counters as numbers, with this memory use. Those of values are not among them.
    pub(crate) fn stats(&self, memory: MemoryUsage) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            hits_memory: self.hits.total(Tier::Memory),
            hits_shared: self.hits.total(Tier::Shared),
            stale: by_word(&self.stale, &mut StaleReason::ALL.iter().map(|reason| reason.as_str())),
            misses: by_word(&self.misses, &mut MissReason::ALL.iter().map(|reason| reason.as_str())),
            bypasses: by_word(&self.bypasses, &mut BypassReason::ALL.iter().map(|reason| reason.as_str())),
            collapsed: get(&self.collapsed),
            refreshes: get(&self.refreshes),
            refreshes_skipped: get(&self.refreshes_skipped),
            fills: get(&self.fills),
            fill_time: Duration::from_nanos(get(&self.fill_nanos)),
            stored: get(&self.stored),
            not_shared: get(&self.not_shared[NotShared::NewKeys.index()]),
            too_large_to_share: get(&self.not_shared[NotShared::TooLarge.index()]),
            not_stored: by_word(&self.not_stored, &mut NotStored::ALL.iter().map(|reason| reason.as_str())),
            handler_time_saved: Duration::from_nanos(self.hits.saved_nanos()),
            invalidations: get(&self.invalidations),
            folded_names: get(&self.folded),
            floor_raises: get(&self.floor_raises),
            reclaimed: get(&self.reclaimed),
            reclaim_scans: get(&self.reclaim_scans),
            store_errors: get(&self.store_errors),
            leases_acquired: get(&self.leases[LeaseEvent::Acquired as usize]),
            leases_awaited: get(&self.leases[LeaseEvent::Awaited as usize]),
            leases_taken_over: get(&self.leases[LeaseEvent::TakenOver as usize]),
            memory_entries: memory.entries,
            memory_bytes: memory.bytes,
            values: BTreeMap::new(),
        }
    }
}
