//! The observations of clients between two moments.

use std::time::Duration;

/// The observations of clients in one phase of [`Traffic`](super::Traffic).
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Phase {
    /// The number of answered requests.
    pub requests: usize,
    /// The number of hits among them.
    pub hits: usize,
    /// The median latency.
    pub p50: Duration,
    /// The 99th percentile of the latency.
    pub p99: Duration,
    /// The maximum latency.
    pub max: Duration,
    /// The maximum time of an invalidation, for which a writing client waits.
    pub slowest_invalidation: Duration,
}

/// More than any bounded delay on any machine, and less than a failover takes.
const UNBOUNDED: Duration = Duration::from_secs(2);

impl Phase {
    /// Fails if a request waited for the servers to recover, relative to the healthy phase.
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
