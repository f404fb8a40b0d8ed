//! Trouble with the shared store, which is logged once when it begins and once when it has ended.
//!
//! Only this module logs it. Stores return their errors and log nothing, and the result of each
//! operation with a store gets here.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::time::{BootTime, Clock};

use crate::engine::report::store_state::StoreState;

/// The time without a failure after which trouble has ended.
///
/// A Redis at its memory limit accepts one response and refuses the next. Without this time, each
/// of them would be logged. A store that was never reached has the same time to connect.
const RECOVERY: Duration = Duration::from_secs(1);
/// The number of timeouts in a row that count as trouble. A single one does not.
const TIMEOUTS: u8 = 3;

/// The kind of an operation of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreOp {
    /// Reads a stored response.
    Read,
    /// Stores a response.
    Write,
    /// Polls the log.
    Poll,
    /// Appends to the log.
    Append,
    /// Claims a lease.
    Lease,
}

impl StoreOp {
    pub(super) const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Poll, Self::Append, Self::Lease];

    /// Returns the word for the operation in metrics and logs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Poll => "poll",
            Self::Append => "append",
            Self::Lease => "lease",
        }
    }

    /// Returns the bit for the operation in [`State::concerns`].
    ///
    /// If the store refuses one kind of operation, this says nothing about the other kinds. So each
    /// kind must succeed again by itself.
    const fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Poll => 4,
            Self::Append => 8,
            Self::Lease => 16,
        }
    }
}

/// The bit for a store that cannot be reached, or not in time.
///
/// Any successful operation shows that the store can be reached.
const UNREACHABLE: u8 = 32;

/// The state of the trouble with the store.
#[derive(Debug)]
pub(super) struct StoreHealth {
    /// Set while an error is outstanding, and before the first success.
    ///
    /// In the healthy state, a successful operation only loads this flag.
    listens: AtomicBool,
    state: Mutex<State>,
}

impl Default for StoreHealth {
    fn default() -> Self {
        Self { listens: AtomicBool::new(true), state: Mutex::default() }
    }
}

impl StoreHealth {
    pub(super) fn failed(&self, operation: StoreOp, error: &StoreError, clock: &dyn Clock) {
        let begins = {
            let mut state = self.state();
            self.listens.store(true, Ordering::Relaxed);
            state.failed(operation, error.kind(), clock.boot())
        };
        let operation = operation.as_str();
        if begins {
            tracing::warn!(target: "larder", operation, %error, "shared store failing, serving without it");
        } else {
            tracing::debug!(target: "larder", operation, %error, "shared store operation failed");
        }
    }

    pub(super) fn worked(&self, operation: StoreOp, clock: &dyn Clock) {
        if !self.listens.load(Ordering::Relaxed) {
            return;
        }
        let change = {
            let mut state = self.state();
            let change = state.worked(operation, clock.boot());
            self.listens.store(state.concerns != 0, Ordering::Relaxed);
            change
        };
        match change {
            Some(Change::Connected) => tracing::info!(target: "larder", "shared store connected"),
            Some(Change::Recovered) => tracing::info!(target: "larder", "shared store working again"),
            None => {}
        }
    }

    pub(super) fn store_state(&self) -> StoreState {
        self.state().store_state()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change under this lock can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change for the better, which is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The store was used for the first time.
    Connected,
    /// Trouble has ended.
    Recovered,
}

/// The state machine that decides when to log.
///
/// It reads no clock: the time is a parameter.
#[derive(Debug, Default)]
struct State {
    /// The bits of the operations that fail.
    concerns: u8,
    /// The number of timeouts in a row.
    timeouts: u8,
    /// Whether any operation ever succeeded.
    met: bool,
    /// The moment of the first failure.
    first: Option<BootTime>,
    /// The moment of the last failure.
    last: Option<BootTime>,
}

impl State {
    /// Notes an operation that failed. Returns whether trouble begins.
    fn failed(&mut self, operation: StoreOp, kind: StoreErrorKind, now: BootTime) -> bool {
        let since = *self.first.get_or_insert(now);
        let calm = self.concerns == 0;
        self.concerns |= match kind {
            StoreErrorKind::Timeout => {
                self.timeouts = self.timeouts.saturating_add(1);
                if self.timeouts < TIMEOUTS { 0 } else { UNREACHABLE }
            }
            StoreErrorKind::Unreachable if !self.met && now < since.saturating_add(RECOVERY) => 0,
            StoreErrorKind::Unreachable | StoreErrorKind::CircuitOpen => UNREACHABLE,
            _ => operation.bit(),
        };
        self.last = Some(now);
        calm && self.concerns != 0
    }

    /// Notes an operation that succeeded. Returns the change that this is, if it is one.
    fn worked(&mut self, operation: StoreOp, now: BootTime) -> Option<Change> {
        let is_first = !std::mem::replace(&mut self.met, true);
        self.timeouts = 0;
        if self.concerns == 0 {
            return is_first.then_some(Change::Connected);
        }
        if self.last.is_some_and(|last| now < last.saturating_add(RECOVERY)) {
            return None;
        }
        self.concerns &= !(operation.bit() | UNREACHABLE);
        (self.concerns == 0).then_some(Change::Recovered)
    }

    const fn store_state(&self) -> StoreState {
        match self.concerns {
            0 if self.met => StoreState::Working,
            0 => StoreState::Connecting,
            concerns if concerns & UNREACHABLE != 0 => StoreState::Unreachable,
            _ => StoreState::Refusing,
        }
    }
}
