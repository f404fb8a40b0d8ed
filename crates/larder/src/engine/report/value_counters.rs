//! The counters of a collection of values.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::outcome::{NotShared, NotStored, Outcome, Tier};

use crate::engine::report::distribution::DistributionCounters;
use crate::engine::report::hits::RequestNumber;
use crate::engine::report::outcome_index::all_outcomes;
use crate::engine::report::request_counters::RequestCounters;
#[cfg(feature = "metrics")]
use crate::engine::report::value_metrics;
use crate::engine::report::value_stats::ValueStats;
use crate::engine::report::{MemoryUsage, add, by_word};

/// The counters of one collection of values.
#[derive(Default)]
pub(crate) struct ValueCounters {
    /// The name of the collection, for metrics.
    #[cfg(feature = "metrics")]
    name: Box<str>,
    requests: RequestCounters,
    hit_times: DistributionCounters,
    age_at_hit: DistributionCounters,
    age_at_eviction: DistributionCounters,
    collapsed: AtomicU64,
    load_times: DistributionCounters,
    failed_loads: AtomicU64,
    refreshes: AtomicU64,
    writes: AtomicU64,
    cached_writes: AtomicU64,
    stored: AtomicU64,
    not_stored: [AtomicU64; NotStored::ALL.len()],
    not_shared: [AtomicU64; NotShared::ALL.len()],
    #[cfg(feature = "metrics")]
    published: value_metrics::Published,
}

/// The result of a load, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoadOutcome {
    Value,
    Absence,
    Error,
}

impl LoadOutcome {
    #[cfg(feature = "metrics")]
    const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Absence => "absence",
            Self::Error => "error",
        }
    }
}

impl ValueCounters {
    // Only metrics have names.
    #[cfg_attr(not(feature = "metrics"), allow(unused_mut, unused_variables))]
    pub(crate) fn new(name: &str) -> Self {
        let mut counters = Self::default();
        #[cfg(feature = "metrics")]
        {
            counters.name = name.into();
        }
        counters
    }

    /// Counts a fresh hit that saved `cost` nanoseconds of load time.
    #[inline]
    pub(crate) fn hit(&self, tier: Tier, cost: u64) -> RequestNumber {
        self.requests.hit(tier, cost, 0)
    }

    /// Counts a request with this outcome.
    pub(crate) fn record(&self, outcome: Outcome) {
        self.requests.request(outcome);
    }

    /// Counts a request with this outcome that saved `cost` nanoseconds of load time.
    pub(crate) fn record_saving(&self, outcome: Outcome, cost: u64) {
        self.requests.request(outcome);
        self.requests.add_saved(Duration::from_nanos(cost), 0);
    }

    /// Records how long a hit in memory took, on behalf of `weight` hits.
    pub(crate) fn record_time(&self, time: Duration, weight: u64) {
        self.hit_times.record(time, weight);
        #[cfg(feature = "metrics")]
        self.published.record_hit_time(&self.name, time, weight);
    }

    /// Records the age of a value that was returned fresh, on behalf of `weight` requests.
    pub(crate) fn record_age(&self, age: Duration, weight: u64) {
        self.age_at_hit.record(age, weight);
        #[cfg(feature = "metrics")]
        self.published.record_age(&self.name, age, weight);
    }

    /// Records the eviction from memory of a value of this age.
    pub(crate) fn evicted(&self, age: Duration) {
        self.age_at_eviction.record(age, 1);
        #[cfg(feature = "metrics")]
        value_metrics::record_eviction(&self.name, age);
    }

    /// Records a load that took this long.
    pub(crate) fn loaded(&self, outcome: LoadOutcome, took: Duration) {
        self.load_times.record(took, 1);
        if outcome == LoadOutcome::Error {
            add(&self.failed_loads, 1);
        }
        #[cfg(feature = "metrics")]
        value_metrics::record_load(&self.name, outcome.as_str(), took);
    }

    /// Records a request that waited for the load of another one.
    pub(crate) fn collapsed(&self) {
        add(&self.collapsed, 1);
    }

    /// Records a refresh in the background that begins.
    pub(crate) fn refresh_started(&self) {
        add(&self.refreshes, 1);
    }

    /// Records a write-through that was committed, and whether its value was stored.
    pub(crate) fn written(&self, is_cached: bool) {
        add(&self.writes, 1);
        if is_cached {
            add(&self.cached_writes, 1);
        }
    }

    /// Records whether a loaded or written value was stored, or why not.
    pub(crate) fn store_decision(&self, stored: Result<(), NotStored>) {
        match stored {
            Ok(()) => add(&self.stored, 1),
            Err(reason) => add(&self.not_stored[reason.index()], 1),
        }
    }

    /// Records a value that was stored in memory alone.
    pub(crate) fn not_shared(&self, reason: NotShared) {
        add(&self.not_shared[reason.index()], 1);
    }

    /// Returns all counters as numbers, with this memory use.
    pub(crate) fn stats(&self, memory: MemoryUsage) -> ValueStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (load_times, age_at_eviction) = (self.load_times.read(), self.age_at_eviction.read());
        let mut stats = ValueStats {
            collapsed: get(&self.collapsed),
            loads: load_times.count(),
            failed_loads: get(&self.failed_loads),
            load_time: load_times.sum(),
            load_times,
            load_time_saved: Duration::from_nanos(self.requests.saved_nanos()),
            hit_times: self.hit_times.read(),
            age_at_hit: self.age_at_hit.read(),
            evictions: age_at_eviction.count(),
            age_at_eviction,
            refreshes: get(&self.refreshes),
            writes: get(&self.writes),
            cached_writes: get(&self.cached_writes),
            stored: get(&self.stored),
            not_stored: by_word(&self.not_stored, &mut NotStored::ALL.iter().map(|reason| reason.as_str())),
            not_shared: by_word(&self.not_shared, &mut NotShared::ALL.iter().map(|reason| reason.as_str())),
            memory_entries: memory.entries,
            memory_bytes: memory.bytes,
            ..ValueStats::default()
        };
        for outcome in all_outcomes() {
            stats.add_requests(outcome, self.requests.count_of(outcome));
        }
        stats
    }
}

#[cfg(feature = "metrics")]
impl ValueCounters {
    /// Publishes the counts that are not published yet.
    pub(crate) fn publish(&self) {
        for outcome in all_outcomes() {
            self.published.requests(&self.name, outcome, self.requests.count_of(outcome));
        }
        self.published.saved(&self.name, self.requests.saved_nanos());
    }
}

#[cfg(feature = "metrics")]
impl Drop for ValueCounters {
    /// Publishes the last counts.
    fn drop(&mut self) {
        self.publish();
    }
}
