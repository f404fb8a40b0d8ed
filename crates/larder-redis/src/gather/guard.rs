//! A task that looks after the keys that wait for the next command.
//!
//! A batch leaves the queue when keys under way have landed. That needs the tasks that asked for those keys, and they may
//! not be polled for a long time: a `select!` keeps the future of a branch while it runs the code of another. This task
//! sends the queue off if none of them does. There is at most one, and it ends once nothing waits.

use std::sync::Arc;

use tokio::time::sleep;

use super::queue::{Check, refuse, shutting_down};
use super::{Gather, MOMENT, Way};

/// Refuses the keys that wait if the task is dropped: a runtime that shuts down drops its tasks.
struct Guard {
    gather: Arc<Gather>,
    ended: bool,
}

/// Starts the task. A runtime that has shut down drops it at once, so no lock may be held here.
pub(super) fn start(gather: &Arc<Gather>, way: &Way) {
    let guard = Guard { gather: Arc::clone(gather), ended: false };
    way.runtime.spawn(guard.run(way.clone()));
}

impl Guard {
    async fn run(mut self, way: Way) {
        let mut batches = None;
        loop {
            let check = self.gather.queue().check(batches);
            match check {
                Check::Empty => {
                    self.ended = true;
                    return;
                }
                Check::Moving(so_far) => batches = Some(so_far),
                Check::Stuck => self.gather.send_off(&way),
            }
            sleep(MOMENT).await;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.ended {
            let waiting = self.gather.queue().abandon();
            refuse(waiting.into_iter().map(|wanted| wanted.answer), &shutting_down());
        }
    }
}
