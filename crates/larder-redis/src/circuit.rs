//! The circuit breaker: a Redis that hangs costs a few bounded delays, then none.
//!
//! It is a pure state machine. `health.rs` gives it the time and shares it between calls.

use std::time::Duration;

use tokio::time::Instant;

/// The number of timeouts in a row that opens the circuit.
const TIMEOUTS: u32 = 3;

/// The time for which the circuit stays open before one call may try again.
pub(crate) const PAUSE: Duration = Duration::from_millis(400);

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circuit {
    /// Calls go through. `timeouts` calls in a row have timed out.
    Closed { timeouts: u32 },
    /// No call goes through before `until`.
    Open { until: Instant },
    /// One call, the probe, goes through.
    ///
    /// If its result is not known by `until`, because it may have been dropped, another call
    /// becomes the probe.
    Probing { until: Instant },
}

/// The permit that a call was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// The circuit was closed.
    Normal,
    /// The call is the probe of an open circuit.
    Probe,
}

impl Circuit {
    pub(crate) const NEW: Self = Self::Closed { timeouts: 0 };

    /// Whether the circuit is closed without a recent timeout, so that a success changes nothing.
    pub(crate) fn is_closed(self) -> bool {
        self == Self::NEW
    }

    /// Returns a permit if a call may go through.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<Permit> {
        match *self {
            Self::Closed { .. } => Some(Permit::Normal),
            Self::Open { until } | Self::Probing { until } if now < until => None,
            Self::Open { .. } | Self::Probing { .. } => {
                *self = Self::Probing { until: now + PAUSE };
                Some(Permit::Probe)
            }
        }
    }

    /// Records that a call was answered, even if the answer is a rejection.
    pub(crate) fn answered(&mut self, permit: Permit) {
        match *self {
            Self::Closed { .. } => *self = Self::NEW,
            Self::Open { .. } | Self::Probing { .. } if permit == Permit::Probe => *self = Self::NEW,
            // The call was sent before the circuit opened, so it says little about the current
            // state.
            Self::Open { .. } | Self::Probing { .. } => {}
        }
    }

    /// Records that a call was not answered in time. Returns whether this opened the circuit.
    ///
    /// A probe that is not answered in time opens the circuit again.
    pub(crate) fn timed_out(&mut self, permit: Permit, now: Instant) -> bool {
        let open = match *self {
            Self::Closed { timeouts } if timeouts + 1 < TIMEOUTS => {
                *self = Self::Closed { timeouts: timeouts + 1 };
                false
            }
            Self::Closed { .. } => true,
            Self::Probing { .. } => permit == Permit::Probe,
            Self::Open { .. } => false,
        };
        if open {
            *self = Self::Open { until: now + PAUSE };
        }
        open
    }

    /// Records that a call found no connection.
    ///
    /// Such a call fails at once, so callers need no protection from it.
    pub(crate) fn unconnected(&mut self, permit: Permit) {
        self.answered(permit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn open(at: Instant) -> Circuit {
        let mut circuit = Circuit::NEW;
        for _ in 0..TIMEOUTS {
            circuit.timed_out(Permit::Normal, at);
        }
        assert_eq!(circuit, Circuit::Open { until: at + PAUSE });
        circuit
    }

    #[tokio::test]
    async fn timeouts_open_it_only_if_they_come_in_a_row() {
        let now = Instant::now();
        let mut circuit = Circuit::NEW;
        assert!(!circuit.timed_out(Permit::Normal, now));
        assert!(!circuit.timed_out(Permit::Normal, now));
        assert!(!circuit.is_closed());
        circuit.answered(Permit::Normal);
        assert!(circuit.is_closed());
        assert!(!circuit.timed_out(Permit::Normal, now));
        assert!(!circuit.timed_out(Permit::Normal, now));
        assert!(circuit.timed_out(Permit::Normal, now), "the third opens it");
    }

    #[tokio::test]
    async fn an_open_circuit_lets_one_call_try_after_the_pause() {
        let now = Instant::now();
        let mut circuit = open(now);
        assert_eq!(circuit.admit(now), None);
        assert_eq!(circuit.admit(now + PAUSE - ms(1)), None);
        assert_eq!(circuit.admit(now + PAUSE), Some(Permit::Probe));
        assert_eq!(circuit.admit(now + PAUSE), None, "one only");
    }

    #[tokio::test]
    async fn the_probe_decides() {
        let now = Instant::now();
        let probing = || {
            let mut circuit = open(now);
            circuit.admit(now + PAUSE);
            circuit
        };
        let mut circuit = probing();
        circuit.answered(Permit::Probe);
        assert!(circuit.is_closed());

        let mut circuit = probing();
        circuit.unconnected(Permit::Probe);
        assert!(circuit.is_closed(), "what fails at once needs no circuit");

        let mut circuit = probing();
        let later = now + PAUSE + ms(50);
        assert!(circuit.timed_out(Permit::Probe, later));
        assert_eq!(circuit, Circuit::Open { until: later + PAUSE });
    }

    #[tokio::test]
    async fn a_call_from_before_it_opened_changes_nothing() {
        let now = Instant::now();
        for mut circuit in [open(now), {
            let mut probing = open(now);
            probing.admit(now + PAUSE);
            probing
        }] {
            let before = circuit;
            circuit.answered(Permit::Normal);
            circuit.unconnected(Permit::Normal);
            assert!(!circuit.timed_out(Permit::Normal, now + PAUSE));
            assert_eq!(circuit, before);
        }
    }

    #[tokio::test]
    async fn a_probe_that_vanishes_is_replaced() {
        let now = Instant::now();
        let mut circuit = open(now);
        let probed = now + PAUSE;
        assert_eq!(circuit.admit(probed), Some(Permit::Probe));
        assert_eq!(circuit.admit(probed + PAUSE - ms(1)), None);
        assert_eq!(circuit.admit(probed + PAUSE), Some(Permit::Probe));
    }
}
