//! The figures that advice comes from.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::monitoring::EvictionPolicy;

/// The figures of a cache, of its shared store and of its instances.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_structs)] // The rules and `larder` agree on the fields.
pub struct Figures {
    /// The routes of each lifetime class, added up.
    pub classes: Vec<RouteFigures>,
    /// Each route.
    pub routes: Vec<RouteFigures>,
    /// The bound of the memory tier in bytes.
    pub max_memory_bytes: u64,
    /// The size of what is in it.
    pub memory_bytes: u64,
    /// The shared store, if there is one that could be asked.
    pub store: Option<StoreFigures>,
    /// How much the clock of this instance is ahead of that of the store, or behind it.
    pub clock_difference: Option<Duration>,
    /// The instances that use the same log.
    pub instances: Vec<InstanceFigures>,
    /// The longest time that a response may be served after it was invalidated.
    pub max_staleness: Duration,
}

/// The figures of a route, or of all routes of a class.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_structs)] // As above.
pub struct RouteFigures {
    /// The subject of advice about it.
    pub subject: String,
    /// The freshness lifetime of the policy. `None` if it differs within the class.
    pub lifetime: Option<Duration>,
    /// Requests that were answered with a stored response.
    pub hits: u64,
    /// Misses by reason.
    pub misses: BTreeMap<&'static str, u64>,
    /// Bypasses by reason.
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Responses that were stored.
    pub stored: u64,
    /// The mean age of the responses that were served.
    pub age_at_hit: Option<Duration>,
    /// The mean age of the responses that the memory tier evicted.
    pub age_at_eviction: Option<Duration>,
}

impl RouteFigures {
    /// Returns the number of misses.
    pub(super) fn all_misses(&self) -> u64 {
        self.misses.values().sum()
    }

    /// Returns the number of misses with this reason.
    pub(super) fn misses_for(&self, reason: &str) -> u64 {
        self.misses.get(reason).copied().unwrap_or_default()
    }

    /// Returns the number of requests that could have been hits.
    pub(super) fn lookups(&self) -> u64 {
        self.hits + self.all_misses()
    }
}

/// The figures of the shared store's server. `None` if the server does not tell.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_structs)] // As above.
pub struct StoreFigures {
    /// The keys that it evicts when its memory is full.
    pub eviction: Option<EvictionPolicy>,
    /// The bound on its memory in bytes. 0 if there is none.
    pub max_memory: Option<u64>,
    /// The memory in use, in bytes.
    pub used_memory: Option<u64>,
    /// The memory of the process, divided by the memory in use.
    pub fragmentation: Option<f64>,
    /// Keys that have been evicted since the server started.
    pub evicted_keys: Option<u64>,
    /// Keys with a lifetime, which is what stored responses are.
    pub expiring_keys: Option<u64>,
    /// The mean size of the stored form in bytes, of what this instance has written.
    pub entry_bytes: Option<u64>,
}

/// The figures of an instance.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_structs)] // As above.
pub struct InstanceFigures {
    /// Its id.
    pub id: String,
    /// The time since its last announcement, by the clock of the store.
    pub seen_before: Duration,
    /// The time since it had confirmed that it has read the whole log, when it announced itself.
    /// `None` if it never has.
    pub confirmed_before: Option<Duration>,
}
