//! Invalidations that wait to be done once more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::engine::invalidation_log::invalidation::Invalidation;

/// So many wait for their time. One more has the first of them done early, which is less late than never.
const CAPACITY: usize = 4_096;

/// The invalidations that wait for their time.
#[derive(Default)]
pub(crate) struct RepeatQueue {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By their time; the number tells those of one moment apart.
    pending: BTreeMap<(Instant, u64), Invalidation>,
    last: u64,
    is_running: bool,
}

impl RepeatQueue {
    /// Adds one, and returns the first of them if there are too many.
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

    /// Takes all of them, to be done now.
    pub(crate) fn take(&self) -> Vec<Invalidation> {
        std::mem::take(&mut self.state().pending).into_values().collect()
    }

    /// Whether a task has to be started.
    pub(crate) fn try_start(&self) -> bool {
        !std::mem::replace(&mut self.state().is_running, true)
    }

    /// Notes that no task runs any more.
    pub(crate) fn task_ended(&self) {
        self.state().is_running = false;
    }

    /// The time of the first one. Without one, no task runs any more.
    pub(crate) fn next(&self) -> Option<Instant> {
        let mut state = self.state();
        let next = state.pending.first_key_value().map(|((at, _), _)| *at);
        state.is_running = next.is_some();
        next
    }

    pub(crate) fn pop_due(&self) -> Option<Invalidation> {
        let mut state = self.state();
        let first = state.pending.first_entry().filter(|first| first.key().0 <= Instant::now())?;
        Some(first.remove())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
