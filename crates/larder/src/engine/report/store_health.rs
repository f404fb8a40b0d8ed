//! Store trouble: told once when it begins and once when it has ended.
//!
//! This is the one place that tells. Stores return their errors and keep quiet: whatever they are, each of their
//! exchanges ends here.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::time::{Boot, Clock};

/// Trouble has ended only after this long without a failure: a Redis at the edge of its memory limit takes one response
/// and refuses the next, and each of them would be news. A store that was never reached is given as long to connect.
const RECOVERY: Duration = Duration::from_secs(1);
/// One answer that is late is not yet trouble; so many in a row are.
const TIMEOUTS: u8 = 3;

/// What a store is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreOp {
    /// Fetch a stored response.
    Read,
    /// Store one.
    Write,
    /// Look at the log.
    Poll,
    /// Append to it.
    Append,
    /// Ask for a lease.
    Lease,
}

impl StoreOp {
    /// The word that stands for it in metrics and logs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Poll => "look",
            Self::Append => "append",
            Self::Lease => "lease",
        }
    }

    /// What is refused to one kind of exchange says nothing about the others: each has to work again.
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

/// The store cannot be reached at all, or not in time. Any exchange that works shows that it can.
const UNREACHABLE: u8 = 32;

/// Whether there is trouble with the store.
#[derive(Debug)]
pub(super) struct StoreHealth {
    /// Whether an exchange that works is of interest. While all is well it costs this one load.
    listens: AtomicBool,
    state: Mutex<State>,
}

impl Default for StoreHealth {
    fn default() -> Self {
        Self { listens: AtomicBool::new(true), state: Mutex::default() }
    }
}

impl StoreHealth {
    pub(super) fn failed(&self, exchange: StoreOp, error: &StoreError, clock: &dyn Clock) {
        let begins = {
            let mut state = self.state();
            self.listens.store(true, Ordering::Relaxed);
            state.failed(exchange, error.kind(), clock.boot())
        };
        let exchange = exchange.as_str();
        if begins {
            tracing::warn!(target: "larder", exchange, %error, "trouble with the shared store, serving without it");
        } else {
            tracing::debug!(target: "larder", exchange, %error, "the shared store did not do what it was asked");
        }
    }

    pub(super) fn worked(&self, exchange: StoreOp, clock: &dyn Clock) {
        if !self.listens.load(Ordering::Relaxed) {
            return;
        }
        let ended = {
            let mut state = self.state();
            let ended = state.worked(exchange, clock.boot());
            self.listens.store(state.concerns != 0, Ordering::Relaxed);
            ended
        };
        if ended {
            tracing::warn!(target: "larder", "the shared store is well again");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When to speak: a pure state machine, which is told the time.
#[derive(Debug, Default)]
struct State {
    /// What there is trouble with now.
    concerns: u8,
    /// How many answers in a row were late.
    timeouts: u8,
    /// Whether anything ever worked.
    met: bool,
    first: Option<Boot>,
    last: Option<Boot>,
}

impl State {
    /// An exchange failed. Says whether trouble begins.
    fn failed(&mut self, exchange: StoreOp, kind: StoreErrorKind, now: Boot) -> bool {
        let since = *self.first.get_or_insert(now);
        let calm = self.concerns == 0;
        self.concerns |= match kind {
            StoreErrorKind::Timeout => {
                self.timeouts = self.timeouts.saturating_add(1);
                if self.timeouts < TIMEOUTS { 0 } else { UNREACHABLE }
            }
            StoreErrorKind::Unreachable if !self.met && now < since.saturating_add(RECOVERY) => 0,
            StoreErrorKind::Unreachable | StoreErrorKind::CircuitOpen => UNREACHABLE,
            _ => exchange.bit(),
        };
        self.last = Some(now);
        calm && self.concerns != 0
    }

    /// An exchange worked. Says whether trouble has ended.
    fn worked(&mut self, exchange: StoreOp, now: Boot) -> bool {
        self.met = true;
        self.timeouts = 0;
        if self.concerns == 0 || self.last.is_some_and(|last| now < last.saturating_add(RECOVERY)) {
            return false;
        }
        self.concerns &= !(exchange.bit() | UNREACHABLE);
        self.concerns == 0
    }
}
