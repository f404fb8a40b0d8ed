//! The counters of requests by outcome, of a route or of a collection of values.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::outcome::{Outcome, Tier};

use crate::engine::report::hits::{Hits, RequestNumber};
use crate::engine::report::nanos;
use crate::engine::report::outcome_index::{OUTCOMES, index_of};

/// The counters of requests by outcome.
pub(super) struct RequestCounters {
    hits: Hits,
    /// The counters of all outcomes but fresh hits.
    outcomes: [AtomicU64; OUTCOMES],
}

impl Default for RequestCounters {
    fn default() -> Self {
        Self { hits: Hits::default(), outcomes: [const { AtomicU64::new(0) }; OUTCOMES] }
    }
}

impl RequestCounters {
    /// Counts a fresh hit that saved `cost` nanoseconds of work, and served `bytes` bytes.
    #[inline]
    pub(super) fn hit(&self, tier: Tier, cost: u64, bytes: u64) -> RequestNumber {
        self.hits.count_with_savings(tier, cost, bytes)
    }

    /// Counts a request with this outcome.
    pub(super) fn request(&self, outcome: Outcome) -> RequestNumber {
        match outcome {
            Outcome::Hit(tier) => self.hits.count(tier),
            other => RequestNumber(self.outcomes[index_of(other)].fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Adds the work and the bytes of a request that was served from the cache.
    pub(super) fn add_saved(&self, cost: Duration, bytes: u64) {
        self.hits.add_saved(nanos(cost), bytes);
    }

    /// Returns the number of requests with this outcome.
    pub(super) fn count_of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Hit(tier) => self.hits.total(tier),
            other => self.outcomes[index_of(other)].load(Ordering::Relaxed),
        }
    }

    /// Returns the work that was saved, in nanoseconds.
    pub(super) fn saved_nanos(&self) -> u64 {
        self.hits.saved_nanos()
    }

    /// Returns the number of bytes that were served.
    pub(super) fn bytes(&self) -> u64 {
        self.hits.bytes()
    }
}
