//! When an instance announces itself.

use std::time::Duration;

use larder_core::monitoring::{ANNOUNCE_INTERVAL, CircuitState, InstanceRecord};
use tokio::time::Instant;

/// The first pause after an announcement that failed. It doubles up to [`ANNOUNCE_INTERVAL`].
const MIN_RETRY_PAUSE: Duration = Duration::from_millis(500);

/// The part of a record whose change the others see at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Urgent {
    is_detached: bool,
    circuit: CircuitState,
    has_deferred: bool,
}

impl Urgent {
    pub(super) fn of(record: &InstanceRecord) -> Self {
        Self {
            is_detached: record.is_detached(),
            circuit: CircuitState::worst(&record.circuits),
            has_deferred: record.deferred > 0,
        }
    }
}

/// Decides when to announce: about every five seconds, and when something urgent has changed.
#[derive(Debug)]
pub(super) struct AnnounceSchedule {
    due: Instant,
    /// The last announcement that succeeded, unless a later one failed.
    last: Option<Urgent>,
    retry_pause: Duration,
}

impl AnnounceSchedule {
    /// Creates a schedule that begins at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now, last: None, retry_pause: MIN_RETRY_PAUSE }
    }

    pub(super) fn is_due(&self, now: Instant, urgent: Urgent) -> bool {
        now >= self.due || self.last.is_some_and(|last| last != urgent)
    }

    /// Notes that the store has the record. `draw` is a random number from 0 to 1.
    ///
    /// Instances that start together do not stay together.
    pub(super) fn announced(&mut self, now: Instant, urgent: Urgent, draw: f64) {
        self.due = now + ANNOUNCE_INTERVAL.mul_f64(0.9 + 0.2 * draw);
        (self.last, self.retry_pause) = (Some(urgent), MIN_RETRY_PAUSE);
    }

    /// Notes that the announcement failed. `draw` is a random number from 0 to 1.
    pub(super) fn failed(&mut self, now: Instant, draw: f64) {
        self.due = now + self.retry_pause.mul_f64(0.5 + draw / 2.0);
        self.last = None;
        self.retry_pause = (self.retry_pause * 2).min(ANNOUNCE_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use larder_core::monitoring::{InstanceId, NodeCircuit};

    use super::*;

    fn record() -> InstanceRecord {
        let mut record = InstanceRecord::new(InstanceId::from_bytes([1; 16]));
        (record.confirmation_age, record.max_staleness) = (Some(Duration::ZERO), Duration::from_secs(2));
        record
    }

    #[test]
    fn it_is_due_every_five_seconds_give_or_take_a_tenth() {
        let (now, calm) = (Instant::now(), Urgent::of(&record()));
        let mut schedule = AnnounceSchedule::new(now);
        assert!(schedule.is_due(now, calm));
        for (draw, millis) in [(0.0, 4_500), (0.5, 5_000), (1.0, 5_500)] {
            schedule.announced(now, calm, draw);
            let due = now + Duration::from_millis(millis);
            assert!(!schedule.is_due(due - Duration::from_millis(1), calm), "{draw}");
            assert!(schedule.is_due(due + Duration::from_millis(1), calm), "{draw}");
        }
    }

    #[test]
    fn a_change_that_matters_is_announced_at_once() {
        let now = Instant::now();
        let changes: [fn(&mut InstanceRecord); 4] = [
            |record| record.confirmation_age = Some(Duration::from_millis(2_001)),
            |record| record.confirmation_age = None,
            |record| record.deferred = 1,
            |record| record.circuits = vec![NodeCircuit::new(None, CircuitState::Open)],
        ];
        let mut schedule = AnnounceSchedule::new(now);
        schedule.announced(now, Urgent::of(&record()), 0.5);
        let mut other = record();
        (other.slow_polls, other.confirmation_age) = (7, Some(Duration::from_secs(2)));
        assert!(!schedule.is_due(now, Urgent::of(&other)));
        for change in changes {
            let mut changed = record();
            change(&mut changed);
            assert!(schedule.is_due(now, Urgent::of(&changed)), "{changed:?}");
        }
    }

    #[test]
    fn failures_are_retried_ever_more_slowly() {
        let (now, calm) = (Instant::now(), Urgent::of(&record()));
        let mut schedule = AnnounceSchedule::new(now);
        for millis in [500, 1_000, 2_000, 4_000, 5_000, 5_000] {
            schedule.failed(now, 1.0);
            assert!(!schedule.is_due(now + Duration::from_millis(millis - 1), calm));
            assert!(schedule.is_due(now + Duration::from_millis(millis), calm));
        }
        schedule.announced(now, calm, 0.5);
        schedule.failed(now, 0.0);
        assert!(schedule.is_due(now + MIN_RETRY_PAUSE / 2, calm), "it begins with a short pause again");
    }
}
