//! Invalidations that are done once more, some time later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::engine::invalidate::append::Invalidation;
use crate::engine::invalidate::append::invalidate;
use crate::engine::shared::Inner;

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

/// Invalidates in the background, at once and after this time.
pub(crate) fn invalidate_twice(inner: &Arc<Inner>, what: Invalidation, after: Duration) {
    let Ok(runtime) = Handle::try_current() else {
        // The runtime is gone, and the process is about to end.
        return;
    };
    let early = inner.repeats.push(what.clone(), Instant::now() + after);
    for what in early.into_iter().chain([what]) {
        let cache = Arc::clone(inner);
        inner.background.spawn(async move { invalidate(&cache, what).await });
    }
    if inner.repeats.start() {
        let running = Running(Arc::downgrade(inner));
        runtime.spawn(inner.background.until_closed(running.run()));
    }
}

impl RepeatQueue {
    /// Adds one, and returns the first of them if there are too many.
    fn push(&self, what: Invalidation, at: Instant) -> Option<Invalidation> {
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
    fn start(&self) -> bool {
        !std::mem::replace(&mut self.state().is_running, true)
    }

    /// The time of the first one. Without one, no task runs any more.
    fn next(&self) -> Option<Instant> {
        let mut state = self.state();
        let next = state.pending.first_key_value().map(|((at, _), _)| *at);
        state.is_running = next.is_some();
        next
    }

    fn pop_due(&self) -> Option<Invalidation> {
        let mut state = self.state();
        let first = state.pending.first_entry().filter(|first| first.key().0 <= Instant::now())?;
        Some(first.remove())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that does them. It does not keep the cache alive.
struct Running(Weak<Inner>);

impl Running {
    async fn run(self) {
        while let Some(at) = self.0.upgrade().and_then(|inner| inner.repeats.next()) {
            sleep_until(at).await;
            let Some(inner) = self.0.upgrade() else { return };
            while let Some(what) = inner.repeats.pop_due() {
                invalidate(&inner, what).await;
            }
        }
    }
}

impl Drop for Running {
    /// The runtime may end before the cache does: the next one that is added starts another task.
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.repeats.state().is_running = false;
        }
    }
}
