//! Invalidations that are repeated some time later.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::engine::shared::Engine;

/// Invalidates in the background twice: at once, and again after this time.
pub(crate) fn invalidate_twice_detached(engine: &Arc<Engine>, what: Invalidation, after: Duration) {
    let Ok(runtime) = Handle::try_current() else {
        // There is no runtime any more, and the process is about to end.
        return;
    };
    let early = engine.repeat_queue.push(what.clone(), Instant::now() + after);
    for what in early.into_iter().chain([what]) {
        let owned = Arc::clone(engine);
        engine.background.spawn(async move { invalidate(&owned, what).await });
    }
    if engine.repeat_queue.try_start() {
        let running = RepeatTask(Arc::downgrade(engine));
        runtime.spawn(engine.background.until_closed(running.run()));
    }
}

/// The task that repeats invalidations when they are due. It does not keep the cache alive.
struct RepeatTask(Weak<Engine>);

impl RepeatTask {
    async fn run(self) {
        while let Some(at) = self.0.upgrade().and_then(|engine| engine.repeat_queue.next()) {
            sleep_until(at).await;
            let Some(engine) = self.0.upgrade() else { return };
            while let Some(what) = engine.repeat_queue.pop_due() {
                let _ = invalidate(&engine, what).await;
            }
        }
    }
}

impl Drop for RepeatTask {
    /// Notes that no task runs any more.
    ///
    /// The runtime may end before the cache does. The next invalidation that is added starts
    /// another task.
    fn drop(&mut self) {
        if let Some(engine) = self.0.upgrade() {
            engine.repeat_queue.task_ended();
        }
    }
}
