//! The queue of invalidations that wait to be repeated.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::engine::invalidation_log::invalidation::Invalidation;

/// Maximum number of invalidations that wait.
///
/// One more makes the first of them due early, because early is better than never.
const CAPACITY: usize = 4_096;

/// The invalidations that wait for their time.
#[derive(Default)]
pub(crate) struct RepeatQueue {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The invalidations by their time. The number distinguishes those of the same moment.
    pending: BTreeMap<(Instant, u64), Invalidation>,
    last: u64,
    is_running: bool,
}

impl RepeatQueue {
    /// Adds an invalidation. If there are too many, removes and returns the first one.
    pub(crate) fn push(&self, what: Invalidation, at: Instant) -> Option<Invalidation> {
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.pending.insert((at, number), what);
        if state.pending.len() <= CAPACITY {
            return None;
        }
        state.pending.pop_first().map(|(_, what)| what)
    }

    /// Removes and returns all invalidations, for a caller that repeats them now.
    pub(crate) fn take(&self) -> Vec<Invalidation> {
        std::mem::take(&mut self.state().pending).into_values().collect()
    }

    /// Notes that a task runs. Returns `true` if none ran before, so the caller must start one.
    pub(crate) fn try_start(&self) -> bool {
        !std::mem::replace(&mut self.state().is_running, true)
    }

    /// Notes that no task runs any more.
    pub(crate) fn task_ended(&self) {
        self.state().is_running = false;
    }

    /// Returns the time of the first invalidation.
    ///
    /// Returns `None` if there is none. Then it notes that no task runs any more.
    pub(crate) fn next(&self) -> Option<Instant> {
        let mut state = self.state();
        let next = state.pending.first_key_value().map(|((at, _), _)| *at);
        state.is_running = next.is_some();
        next
    }

    /// Removes and returns the first invalidation, if it is due.
    pub(crate) fn pop_due(&self) -> Option<Invalidation> {
        let mut state = self.state();
        let first = state.pending.first_entry().filter(|first| first.key().0 <= Instant::now())?;
        Some(first.remove())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
