//! The writes of a partition that could not be flushed, and when they are tried again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

/// The longest time between two attempts.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// The writes that failed, by their places in the queue.
#[derive(Default)]
pub(super) struct FlushFailures {
    failures: HashMap<u64, Failure>,
}

struct Failure {
    /// The number of attempts that count.
    attempts: u32,
    /// The number of attempts, which the delay grows with.
    tries: u32,
    retry_at: Instant,
}

/// Whether a failed attempt is the fault of its write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    Write,
    Database,
}

impl FlushFailures {
    /// Records a failed attempt. Returns the number of attempts that count.
    pub(super) fn record(&mut self, place: u64, blame: Blame, delay: Duration, now: Instant) -> u32 {
        let failure = self.failures.entry(place).or_insert(Failure { attempts: 0, tries: 0, retry_at: now });
        failure.retry_at = now + backoff(delay, failure.tries);
        failure.tries = failure.tries.saturating_add(1);
        failure.attempts += u32::from(blame == Blame::Write);
        failure.attempts
    }

    pub(super) fn remove(&mut self, place: u64) {
        self.failures.remove(&place);
    }

    /// Whether a write may be tried.
    pub(super) fn is_due(&self, place: u64, now: Instant) -> bool {
        self.failures.get(&place).is_none_or(|failure| failure.retry_at <= now)
    }

    /// Returns when the next attempt of any write is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.failures.values().map(|failure| failure.retry_at).min()
    }

    /// Makes all writes due now. The delays begin again.
    pub(super) fn retry_now(&mut self, now: Instant) {
        for failure in self.failures.values_mut() {
            (failure.retry_at, failure.tries) = (now, 0);
        }
    }

    pub(super) fn contains(&self, place: u64) -> bool {
        self.failures.contains_key(&place)
    }

    /// Forgets writes that are not in the queue any more.
    pub(super) fn retain(&mut self, places: &HashSet<u64>) {
        self.failures.retain(|place, _| places.contains(place));
    }
}

/// Returns the time before the next attempt, after `tries` earlier ones.
pub(super) fn backoff(delay: Duration, tries: u32) -> Duration {
    delay.saturating_mul(1 << tries.min(16)).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_is_tried_again_after_growing_delays() {
        let (mut failures, delay, now) = (FlushFailures::default(), Duration::from_secs(1), Instant::now());
        assert!(failures.is_due(7, now));
        assert_eq!(failures.record(7, Blame::Write, delay, now), 1);
        assert!(!failures.is_due(7, now) && failures.is_due(8, now) && failures.is_due(7, now + delay));
        assert_eq!(failures.record(7, Blame::Database, delay, now), 1, "not the fault of the write");
        assert_eq!(failures.next(), Some(now + 2 * delay));
        assert_eq!(failures.record(7, Blame::Write, delay, now), 2);
        assert_eq!(failures.next(), Some(now + 4 * delay));
        assert_eq!(backoff(delay, u32::MAX), MAX_DELAY);
        failures.retry_now(now);
        assert!(failures.is_due(7, now));
        assert_eq!(failures.record(7, Blame::Write, delay, now), 3, "the attempts still count");
        assert_eq!(failures.next(), Some(now + delay), "the delays begin again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_is_gone_is_forgotten() {
        let (mut failures, now) = (FlushFailures::default(), Instant::now());
        for place in [7, 8, 9] {
            failures.record(place, Blame::Write, Duration::from_secs(1), now);
        }
        failures.retain(&HashSet::from([7, 8]));
        failures.remove(8);
        assert!(failures.is_due(9, now) && failures.is_due(8, now) && !failures.is_due(7, now));
        failures.remove(7);
        assert!(!failures.contains(7) && failures.next().is_none());
    }
}
