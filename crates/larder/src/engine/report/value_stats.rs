//! The counters of a collection of values, as numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use larder_core::outcome::{Outcome, Tier};
use serde::Serialize;

use crate::engine::report::distribution::Distribution;
use crate::engine::serialize::seconds;

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
    /// The time that each of them took.
    pub load_times: Distribution,
    /// The load time that hits have saved.
    ///
    /// Each hit, fresh or stale, adds the time that the load of its value took.
    #[serde(rename = "load_seconds_saved", serialize_with = "seconds")]
    pub load_time_saved: Duration,
    /// The time of the hits in memory. One in 64 is measured, on behalf of the others.
    pub hit_times: Distribution,
    /// The age of the values that were returned fresh. One in 64 hits in memory is measured.
    pub age_at_hit: Distribution,
    /// Values and absences that were evicted from memory, to make room for others.
    pub evictions: u64,
    /// The age of the values and absences that were evicted from memory.
    pub age_at_eviction: Distribution,
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

    pub(super) fn add_requests(&mut self, outcome: Outcome, count: u64) {
        let by_reason = match outcome {
            Outcome::Hit(Tier::Memory) => return self.hits_memory += count,
            Outcome::Hit(Tier::Shared) => return self.hits_shared += count,
            Outcome::Stale(..) => &mut self.stale,
            Outcome::Miss(_) => &mut self.misses,
            Outcome::Bypass(_) => &mut self.bypasses,
        };
        if count > 0 {
            *by_reason.entry(outcome.reason()).or_default() += count;
        }
    }
}
