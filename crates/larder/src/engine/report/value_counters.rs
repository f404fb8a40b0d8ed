//! The counters of a collection of values.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::outcome::{BypassReason, MissReason, NotShared, NotStored, Outcome, StaleReason, Tier};
use serde::Serialize;

use crate::engine::report::hits::Hits;
use crate::engine::report::{MemoryUsage, add, by_word, nanos};
use crate::engine::serialize_time::seconds;

/// The counters of one collection of values.
#[derive(Default)]
pub(crate) struct ValueCounters {
    /// The name of the collection, for metrics.
    #[cfg(feature = "metrics")]
    name: Box<str>,
    hits: Hits,
    stale: [AtomicU64; StaleReason::ALL.len()],
    misses: [AtomicU64; MissReason::ALL.len()],
    bypasses: [AtomicU64; BypassReason::ALL.len()],
    collapsed: AtomicU64,
    loads: AtomicU64,
    failed_loads: AtomicU64,
    load_nanos: AtomicU64,
    refreshes: AtomicU64,
    writes: AtomicU64,
    cached_writes: AtomicU64,
    stored: AtomicU64,
    not_stored: [AtomicU64; NotStored::ALL.len()],
    not_shared: [AtomicU64; NotShared::ALL.len()],
    #[cfg(feature = "metrics")]
    requests: crate::engine::report::value_metrics::ValueRequests,
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
    #[cfg_attr(not(feature = "metrics"), allow(unused_variables))] // Only metrics have names.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            name: name.into(),
            ..Self::default()
        }
    }

    /// Records a request with this outcome.
    #[inline]
    pub(crate) fn record(&self, outcome: Outcome) {
        match outcome {
            Outcome::Hit(tier) => {
                self.hits.count(tier);
            }
            Outcome::Stale(_, reason) => add(&self.stale[reason.index()], 1),
            Outcome::Miss(reason) => add(&self.misses[reason.index()], 1),
            Outcome::Bypass(reason) => add(&self.bypasses[reason.index()], 1),
        }
        #[cfg(feature = "metrics")]
        self.requests.record(&self.name, outcome);
    }

    /// Records a load that took this long.
    pub(crate) fn loaded(&self, outcome: LoadOutcome, took: Duration) {
        add(&self.loads, 1);
        add(&self.load_nanos, nanos(took));
        if outcome == LoadOutcome::Error {
            add(&self.failed_loads, 1);
        }
        #[cfg(feature = "metrics")]
        crate::engine::report::value_metrics::record_load(&self.name, outcome.as_str(), took);
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
        ValueStats {
            hits_memory: self.hits.total(Tier::Memory),
            hits_shared: self.hits.total(Tier::Shared),
            stale: by_word(&self.stale, &mut StaleReason::ALL.iter().map(|reason| reason.as_str())),
            misses: by_word(&self.misses, &mut MissReason::ALL.iter().map(|reason| reason.as_str())),
            bypasses: by_word(&self.bypasses, &mut BypassReason::ALL.iter().map(|reason| reason.as_str())),
            collapsed: get(&self.collapsed),
            loads: get(&self.loads),
            failed_loads: get(&self.failed_loads),
            load_time: Duration::from_nanos(get(&self.load_nanos)),
            refreshes: get(&self.refreshes),
            writes: get(&self.writes),
            cached_writes: get(&self.cached_writes),
            stored: get(&self.stored),
            not_stored: by_word(&self.not_stored, &mut NotStored::ALL.iter().map(|reason| reason.as_str())),
            not_shared: by_word(&self.not_shared, &mut NotShared::ALL.iter().map(|reason| reason.as_str())),
            memory_entries: memory.entries,
            memory_bytes: memory.bytes,
        }
    }
}

/// The counters of a collection of [values](crate::values) since it was built, and its memory use.
///
/// Returned by [`Values::stats`](crate::values::Values::stats), and by
/// [`Cache::stats`](crate::Cache::stats) for each collection. The words in the maps are explained in
/// the list of [reasons](crate::outcome).
///
/// # Examples
///
/// ```
/// use larder::{Cache, values::Values};
///
/// # fn main() -> Result<(), larder::ConfigError> {
/// let products: Values<u64, String> = Cache::default().values("product").build()?;
/// assert_eq!(products.stats().hits(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ValueStats {
    /// Requests answered with a fresh value or absence from memory.
    pub hits_memory: u64,
    /// Requests answered with a fresh value or absence from the shared store.
    pub hits_shared: u64,
    /// Requests answered with a stale value or absence, grouped by the reason that allowed it.
    pub stale: BTreeMap<&'static str, u64>,
    /// Requests that found nothing to use, grouped by reason.
    pub misses: BTreeMap<&'static str, u64>,
    /// Requests that bypassed the cache, grouped by reason.
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Requests that got the result of another request's load.
    pub collapsed: u64,
    /// Loads that ended, whatever they came to.
    pub loads: u64,
    /// Loads that ended in an error or a panic.
    pub failed_loads: u64,
    /// The total time that these loads took.
    #[serde(rename = "load_seconds", serialize_with = "seconds")]
    pub load_time: Duration,
    /// Refreshes that began in the background.
    pub refreshes: u64,
    /// Write-throughs that were committed.
    pub writes: u64,
    /// Write-throughs whose value was stored. The others overlapped with another write, or were
    /// deferred.
    pub cached_writes: u64,
    /// Loaded and written values and absences that were stored.
    pub stored: u64,
    /// Loaded values and absences that were not stored, grouped by reason.
    pub not_stored: BTreeMap<&'static str, u64>,
    /// Values that were stored only in memory, grouped by reason.
    pub not_shared: BTreeMap<&'static str, u64>,
    /// Values and absences in memory.
    pub memory_entries: u64,
    /// The approximate size of these entries in bytes.
    pub memory_bytes: u64,
}

impl ValueStats {
    /// Returns the number of requests that were answered from the cache, fresh or stale.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits_memory + self.hits_shared + self.stale.values().sum::<u64>()
    }
}
