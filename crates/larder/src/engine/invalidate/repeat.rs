//! Invalidations that are done once more, some time later.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::engine::shared::Engine;

/// Invalidates in the background, at once and after this time.
pub(crate) fn invalidate_twice_detached(inner: &Arc<Engine>, what: Invalidation, after: Duration) {
    let Ok(runtime) = Handle::try_current() else {
        // The runtime is gone, and the process is about to end.
        return;
    };
    let early = inner.repeat_queue.push(what.clone(), Instant::now() + after);
    for what in early.into_iter().chain([what]) {
        let cache = Arc::clone(inner);
        inner.background.spawn(async move { invalidate(&cache, what).await });
    }
    if inner.repeat_queue.try_start() {
        let running = RepeatTask(Arc::downgrade(inner));
        runtime.spawn(inner.background.until_closed(running.run()));
    }
}

/// The task that does them. It does not keep the cache alive.
struct RepeatTask(Weak<Engine>);

impl RepeatTask {
    async fn run(self) {
        while let Some(at) = self.0.upgrade().and_then(|inner| inner.repeat_queue.next()) {
            sleep_until(at).await;
            let Some(inner) = self.0.upgrade() else { return };
            while let Some(what) = inner.repeat_queue.pop_due() {
                invalidate(&inner, what).await;
            }
        }
    }
}

impl Drop for RepeatTask {
    /// The runtime may end before the cache does: the next one that is added starts another task.
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.repeat_queue.task_ended();
        }
    }
}
