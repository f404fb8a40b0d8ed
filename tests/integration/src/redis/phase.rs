//! What clients saw between two moments.

use std::time::Duration;

/// What clients saw in one phase of [`Traffic`](super::Traffic).
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Phase {
    /// How many requests were answered.
    pub requests: usize,
    /// How many of them by a cache.
    pub hits: usize,
    /// The median of how long they took.
    pub p50: Duration,
    /// What one in a hundred exceeded.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
    /// The longest that an invalidation took, which a client waits for that writes.
    pub slowest_invalidation: Duration,
}

/// More than any bounded delay on any machine, less than what servers take for a failover.
const UNBOUNDED: Duration = Duration::from_secs(2);

impl Phase {
    /// Fails if a request waited for the servers to mend themselves, given how the machine did
    /// before.
    pub fn is_bounded(&self, healthy: &Self) {
        assert!(self.requests > 0 && self.max < UNBOUNDED + 4 * healthy.max, "{self:?} after {healthy:?}");
    }

    pub(super) fn of(answers: Vec<(Duration, bool)>, invalidations: &[Duration]) -> Self {
        let hits = answers.iter().filter(|(_, hit)| *hit).count();
        let mut took: Vec<Duration> = answers.into_iter().map(|(took, _)| took).collect();
        took.sort_unstable();
        let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
        let at = |percent| at(percent).copied().unwrap_or_default();
        let slowest_invalidation = invalidations.iter().max().copied().unwrap_or_default();
        Self { requests: took.len(), hits, p50: at(50), p99: at(99), max: at(100), slowest_invalidation }
    }
}
