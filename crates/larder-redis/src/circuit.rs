//! The circuit breaker: a Redis that hangs costs a few bounded delays, then none.
//!
//! It is a pure state machine. `health.rs` gives it the time and shares it between calls.
//!
//! A Redis that is only slow must not look like one that hangs. So timeouts of concurrent calls
//! count once, and the circuit opens only if nothing was answered for a while. A timeout while this
//! process itself did not run says nothing about Redis.

#[cfg(test)]
mod tests;

use std::time::Duration;

use larder_core::monitoring::CircuitState;
use tokio::time::Instant;

use crate::patience::Wait;

/// The minimum number of timeouts in a row that opens the circuit.
const TIMEOUTS: u32 = 3;

/// The minimum time without an answer that opens the circuit.
///
/// A fork of a large Redis, a slow command of another client, or a short loss of packets take less.
pub(crate) const SILENCE: Duration = Duration::from_millis(250);

/// The time without an answer that opens the circuit even if this process hardly ran.
///
/// Without this limit, a Redis that hangs would cost a throttled process each of its delays.
const STARVED_SILENCE: Duration = Duration::from_secs(2);

/// The time for which the circuit stays open at first, before one call may try again.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// The longest time for which the circuit stays open. Each probe that fails doubles the time.
pub(crate) const MAX_PAUSE: Duration = Duration::from_millis(400);

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circuit {
    /// Calls go through.
    Closed(TimeoutRow),
    /// No call goes through before `until`. `pause` is how long the circuit stays open.
    Open { until: Instant, pause: Duration },
    /// One call, the probe, goes through.
    ///
    /// If its result is not known by `until`, because it may have been dropped, another call
    /// becomes the probe. `pause` is how long the circuit was open.
    Probing { until: Instant, pause: Duration },
}

/// Timeouts in a row, without an answer between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TimeoutRow {
    /// The number of timeouts that count.
    count: u32,
    /// The moment at which the first of the calls was sent.
    since: Option<Instant>,
    /// The moment of the last timeout that counts. Calls that were sent earlier do not count.
    last: Option<Instant>,
}

/// The permit that a call was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// The circuit was closed.
    Normal,
    /// The call is the probe of an open circuit.
    Probe,
}

/// The effect of a timeout on the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeoutEffect {
    /// The state of the circuit is the same as far as calls are concerned.
    None,
    /// The circuit opened. Redis may only be slow.
    Opened,
    /// The probe of the open circuit failed too, so the connection may be broken.
    ProbeFailed,
}

impl Circuit {
    pub(crate) const NEW: Self = Self::Closed(TimeoutRow { count: 0, since: None, last: None });

    /// Whether the circuit is closed without a recent timeout, so that a success changes nothing.
    pub(crate) fn is_closed(self) -> bool {
        self == Self::NEW
    }

    /// Returns the state for operators, unless the circuit is closed.
    pub(crate) const fn open_state(self) -> Option<CircuitState> {
        match self {
            Self::Closed(_) => None,
            Self::Open { .. } => Some(CircuitState::Open),
            Self::Probing { .. } => Some(CircuitState::Probing),
        }
    }

    /// Whether a call may go through.
    pub(crate) fn may_admit(&self, now: Instant) -> bool {
        match *self {
            Self::Closed { .. } => true,
            Self::Open { until, .. } | Self::Probing { until, .. } => now >= until,
        }
    }

    /// Returns a permit if a call may go through.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<Permit> {
        if !self.may_admit(now) {
            return None;
        }
        match *self {
            Self::Closed { .. } => Some(Permit::Normal),
            Self::Open { pause, .. } | Self::Probing { pause, .. } => {
                *self = Self::Probing { until: now + MAX_PAUSE, pause };
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

    /// Records that a call was not answered in time.
    ///
    /// A probe that is not answered in time opens the circuit again, for twice as long.
    pub(crate) fn timed_out(&mut self, permit: Permit, wait: Wait, now: Instant) -> TimeoutEffect {
        match self {
            Self::Closed(row) => {
                if !row.add(wait, now) {
                    return TimeoutEffect::None;
                }
                *self = Self::Open { until: now + MIN_PAUSE, pause: MIN_PAUSE };
                TimeoutEffect::Opened
            }
            Self::Probing { pause, .. } if permit == Permit::Probe => {
                let pause = (*pause * 2).min(MAX_PAUSE);
                *self = Self::Open { until: now + pause, pause };
                TimeoutEffect::ProbeFailed
            }
            Self::Probing { .. } | Self::Open { .. } => TimeoutEffect::None,
        }
    }

    /// Records that a call found no connection.
    ///
    /// Such a call fails at once, so callers need no protection from it.
    pub(crate) fn unconnected(&mut self, permit: Permit) {
        self.answered(permit);
    }
}

impl TimeoutRow {
    /// Adds a timeout. Returns whether the row is long enough to open the circuit.
    fn add(&mut self, wait: Wait, now: Instant) -> bool {
        let since = *self.since.get_or_insert(wait.sent);
        let silence = now.saturating_duration_since(since);
        if wait.was_starved {
            return silence >= STARVED_SILENCE;
        }
        if self.last.is_none_or(|last| wait.sent >= last) {
            self.count = self.count.saturating_add(1);
            self.last = Some(now);
        }
        self.count >= TIMEOUTS && silence >= SILENCE
    }
}
