//! An estimate of the server's clock, with which a command gets a deadline.
//!
//! A command that timed out may still be executed later. A push must not: it would replace a value
//! that was pushed after it. So a push has a deadline by the server's clock, and its script refuses
//! to run later. When a caller gives up, the deadline of its push has passed.
//!
//! For that, the estimate must never be ahead of the server. A time in an answer is older than the
//! answer, so each answer gives an estimate that is behind, by the time that the answer took. The
//! highest one is the best one. The clocks may run at different speeds, so an estimate is used only
//! for a while. Only a server whose clock is set back runs a push too late.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fred::types::config::Server;

/// How long an estimate is used.
const MAX_AGE: Duration = Duration::from_secs(10);

/// The clocks of the servers.
#[derive(Debug)]
pub(crate) struct ServerClocks {
    start: Instant,
    /// By primary. Outside a cluster, the one server has no name.
    estimates: Mutex<HashMap<Option<Server>, Estimate>>,
}

/// The lead of a server's clock over the time since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Estimate {
    /// In microseconds.
    lead: u64,
    /// The time since the start at which the answer came.
    learned: Duration,
}

impl Estimate {
    /// Returns the estimate from an answer with this time in microseconds, that came at `now`.
    fn new(server: u64, now: Duration) -> Self {
        Self { lead: server.saturating_sub(micros(now)), learned: now }
    }

    fn is_usable(self, now: Duration) -> bool {
        now.saturating_sub(self.learned) <= MAX_AGE
    }

    /// Returns the better one of this estimate and a later one.
    fn better(self, later: Self) -> Self {
        if self.lead > later.lead && self.is_usable(later.learned) { self } else { later }
    }

    /// Returns the time of the server at `now + limit`, or a little earlier.
    fn after(self, now: Duration, limit: Duration) -> u64 {
        self.lead.saturating_add(micros(now)).saturating_add(micros(limit))
    }
}

impl ServerClocks {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), estimates: Mutex::default() }
    }

    /// Returns the deadline of a command that is sent now and has this time limit.
    ///
    /// It is in microseconds of the server's clock. `None` if that clock is not known.
    pub(crate) fn deadline(&self, node: &Option<Server>, limit: Duration) -> Option<u64> {
        let now = self.start.elapsed();
        let estimate = self.estimates().get(node).copied();
        estimate.filter(|estimate| estimate.is_usable(now)).map(|estimate| estimate.after(now, limit))
    }

    /// Learns from an answer that came now. The time in it is in microseconds.
    pub(crate) fn learn(&self, node: Option<Server>, server: u64) {
        let later = Estimate::new(server, self.start.elapsed());
        self.estimates().entry(node).and_modify(|there| *there = there.better(later)).or_insert(later);
    }

    /// Forgets the estimate, because the server's clock is ahead of it, and learns from an answer.
    pub(crate) fn correct(&self, node: Option<Server>, server: u64) {
        let fresh = Estimate::new(server, self.start.elapsed());
        self.estimates().insert(node, fresh);
    }

    fn estimates(&self) -> MutexGuard<'_, HashMap<Option<Server>, Estimate>> {
        // No change under this lock can be left half done.
        self.estimates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn an_estimate_is_behind_by_the_time_that_its_answer_took() {
        // The server's time is 1,000 s ahead of ours. The answer was 30 ms on its way.
        let slow = Estimate::new(1_000_000_000 + 70_000, millis(100));
        assert_eq!(slow.after(millis(200), millis(50)), 1_000_000_000 + 220_000);
        let fast = Estimate::new(1_000_000_000 + 199_000, millis(200));
        assert_eq!(slow.better(fast), fast);
        let slow_again = Estimate::new(1_000_000_000 + 280_000, millis(300));
        assert_eq!(fast.better(slow_again), fast);
    }

    #[test]
    fn an_old_estimate_is_not_used() {
        let old = Estimate::new(1_000_000_000, Duration::ZERO);
        let late = MAX_AGE + millis(1);
        assert!(old.is_usable(MAX_AGE) && !old.is_usable(late));
        let newer = Estimate::new(1_000_000_000, late);
        assert_eq!(old.better(newer), newer, "even if it is lower");
    }

    #[test]
    fn a_deadline_needs_an_answer() {
        let clocks = ServerClocks::new();
        assert_eq!(clocks.deadline(&None, millis(50)), None);
        clocks.learn(None, 1_000_000_000);
        let deadline = clocks.deadline(&None, millis(50)).unwrap();
        assert!((1_000_050_000..1_001_000_000).contains(&deadline), "{deadline}");
        clocks.learn(None, 500_000_000);
        assert!(clocks.deadline(&None, millis(50)).unwrap() >= deadline);
        clocks.correct(None, 500_000_000);
        assert!(clocks.deadline(&None, millis(50)).unwrap() < deadline);
    }
}
