//! Closing a cache before its process ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder_core::log::tail::Tail;
use tokio::time::{Instant, timeout_at};

use crate::engine::invalidate::append::invalidate;
use crate::engine::shared::Engine;

/// Of the time for closing this much is left for the store's connections, but never more than a quarter.
const FOR_CONNECTIONS: Duration = Duration::from_millis(500);

/// What was left undone when a cache was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "what was left undone is lost with the process"]
pub struct CloseReport {
    /// Fills, refreshes and writes that were still under way, with what they would have stored or invalidated.
    pub tasks: usize,
    /// Selectors of deferred invalidations that the shared store could not be told.
    pub invalidations: usize,
    /// Whether the shared store has ended its connections; `true` without one.
    pub disconnected: bool,
}

impl CloseReport {
    /// Whether nothing was left undone.
    #[must_use]
    pub const fn is_clean(self) -> bool {
        self.tasks == 0 && self.invalidations == 0 && self.disconnected
    }
}

impl fmt::Display for CloseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("nothing was left undone");
        }
        let Self { tasks, invalidations, .. } = self;
        write!(f, "left undone: tasks: {tasks}, deferred invalidations: {invalidations}")?;
        if self.disconnected { Ok(()) } else { f.write_str(", connections of the shared store") }
    }
}

/// Ends what goes on in the background, within this time.
pub(crate) async fn close(engine: &Arc<Engine>, within: Duration) -> CloseReport {
    let (background, deadline) = (&engine.background, Instant::now() + within);
    let for_work = deadline - FOR_CONNECTIONS.min(within / 4);
    background.stop_refreshes();
    // The log is followed meanwhile: writes wait for their invalidations, and the outbox is emptied by it.
    let _ = timeout_at(for_work, background.wait_idle()).await;
    // Those that were to be done later have no later time.
    let _ = timeout_at(for_work, repeat_now(engine)).await;
    engine.outbox_filled.notify_one();
    engine.log.wait(for_work, |tail| tail.untold() == 0).await;
    let (tasks, invalidations) = (background.tasks(), engine.log.read(Tail::untold));
    background.close();
    let disconnected = match &engine.store {
        Some(store) => timeout_at(deadline, store.close()).await.is_ok(),
        None => true,
    };
    CloseReport { tasks, invalidations, disconnected }
}

async fn repeat_now(engine: &Arc<Engine>) {
    for what in engine.repeat_queue.take() {
        invalidate(engine, what).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_undone_is_said() {
        let clean = CloseReport { tasks: 0, invalidations: 0, disconnected: true };
        let cases = [
            (clean, "nothing was left undone"),
            (CloseReport { tasks: 2, ..clean }, "left undone: tasks: 2, deferred invalidations: 0"),
            (CloseReport { invalidations: 3, ..clean }, "left undone: tasks: 0, deferred invalidations: 3"),
            (
                CloseReport { disconnected: false, ..clean },
                "left undone: tasks: 0, deferred invalidations: 0, connections of the shared store",
            ),
        ];
        for (closed, expected) in cases {
            assert_eq!(closed.to_string(), expected);
            assert_eq!(closed.is_clean(), closed == clean);
        }
    }
}
