//! A task that watches the keys that wait for the next command.
//!
//! A batch leaves the queue when keys in flight complete. This depends on the tasks that asked for
//! those keys, and they may not be polled for a long time: a `select!` keeps the future of one
//! branch while it runs the code of another. The task in this file sends the waiting keys if none
//! of those tasks does. At most one such task runs, and it ends once no key waits.

use std::sync::Arc;

use tokio::time::sleep;

use super::queue::{Check, refuse, shutting_down};
use super::{BatchTarget, GetBatcher, MAX_DELAY};

/// Fails the waiting lookups if the task is dropped.
///
/// A runtime that shuts down drops its tasks.
struct Guard {
    gather: Arc<GetBatcher>,
    ended: bool,
}

/// Starts the task.
///
/// A runtime that has shut down drops it at once, so the caller must not hold a lock.
pub(super) fn start(gather: &Arc<GetBatcher>, way: &BatchTarget) {
    let guard = Guard { gather: Arc::clone(gather), ended: false };
    way.home.runtime().spawn(guard.run(way.clone()));
}

impl Guard {
    async fn run(mut self, way: BatchTarget) {
        let mut batches = None;
        loop {
            let check = self.gather.queue().check(batches);
            match check {
                Check::Empty => {
                    self.ended = true;
                    return;
                }
                Check::Moving(so_far) => batches = Some(so_far),
                Check::Stuck => self.gather.flush(&way),
            }
            sleep(MAX_DELAY).await;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.ended {
            let waiting = self.gather.queue().abandon();
            refuse(waiting.into_iter().map(|pending| pending.answer), &shutting_down());
        }
    }
}
