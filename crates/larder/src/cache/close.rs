//! Closing a cache before its process ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::tail::Tail;
use tokio::time::{Instant, timeout_at};

use crate::cache::builder::CacheBuilder;
use crate::engine::invalidate::append::invalidate;
use crate::engine::monitoring::announce_task::withdraw;
use crate::engine::shared::Engine;

/// The part of the closing time that is reserved for closing the connections of the store.
///
/// At most a quarter of the closing time is reserved.
const FOR_CONNECTIONS: Duration = Duration::from_millis(500);

/// The work that was left undone when a cache was closed.
///
/// Returned by [`Cache::close`](crate::Cache::close).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use larder::Cache;
///
/// let report = Cache::default().close().await;
/// assert!(report.is_clean());
/// assert_eq!(report.to_string(), "nothing was left undone");
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "work that was left undone is lost with the process"]
pub struct CloseReport {
    /// The number of fills, refreshes, writes and flushes of write-behind that were still running.
    ///
    /// These tasks are lost with the process, and so are the responses that they would have stored
    /// and the invalidations that they would have made. Writes that are not flushed stay in the
    /// queue, except those that [`writes`](Self::writes) counts.
    pub tasks: usize,
    /// The number of [in-process](crate::values::WriteBehindBuilder::in_process) writes that are
    /// lost: they were acknowledged, and did not get to the database, or the flush did not end.
    ///
    /// Writes in the quarantine count as well. Writes in Redis do not: they stay there.
    pub writes: u64,
    /// The number of selectors of deferred invalidations that could not be appended to the log.
    pub invalidations: usize,
    /// Whether the shared store has closed its connections. `true` without a shared store.
    pub disconnected: bool,
}

impl CloseReport {
    /// Returns whether nothing was left undone.
    #[must_use]
    pub const fn is_clean(self) -> bool {
        self.tasks == 0 && self.writes == 0 && self.invalidations == 0 && self.disconnected
    }
}

impl fmt::Display for CloseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("nothing was left undone");
        }
        let Self { tasks, writes, invalidations, .. } = self;
        write!(f, "left undone: tasks: {tasks}, deferred invalidations: {invalidations}")?;
        if *writes > 0 {
            write!(f, ", in-process writes: {writes}")?;
        }
        if self.disconnected { Ok(()) } else { f.write_str(", connections of the shared store") }
    }
}

/// Finishes the background work of a cache. Takes at most `within`.
pub(crate) async fn close(engine: &Arc<Engine>, within: Duration) -> CloseReport {
    let (background, deadline) = (&engine.background, Instant::now() + within);
    let for_work = deadline - FOR_CONNECTIONS.min(within / 4);
    // The workers of in-process collections flush what is in the queue by now.
    engine.local_queue.close();
    background.stop_refreshes();
    // Keep following the log meanwhile. Writes wait for their invalidations, and the task that
    // follows the log flushes the outbox.
    let _ = timeout_at(for_work, background.wait_idle()).await;
    // Some invalidations are queued to be repeated later. Repeat them now, before the process ends.
    let _ = timeout_at(for_work, repeat_now(engine)).await;
    engine.outbox_filled.notify_one();
    engine.log.wait(for_work, |tail| tail.pending_count() == 0).await;
    let (tasks, invalidations) = (background.tasks(), engine.log.read(Tail::pending_count));
    background.close();
    withdraw(engine, for_work).await;
    let writes = count_lost_writes(engine);
    let disconnected = match &engine.store {
        Some(store) => timeout_at(deadline, store.close()).await.is_ok(),
        None => true,
    };
    CloseReport { tasks, writes, invalidations, disconnected }
}

/// Counts the writes that end with the process, and names their collections in the log.
fn count_lost_writes(engine: &Engine) -> u64 {
    let unfinished = engine.local_queue.unfinished();
    for (collection, writes) in &unfinished {
        tracing::error!(collection, writes, "in-process writes are lost: the cache was closed");
    }
    unfinished.values().sum()
}

async fn repeat_now(engine: &Arc<Engine>) {
    for invalidation in engine.repeat_queue.take() {
        let _ = invalidate(engine, invalidation).await;
    }
}

impl CacheBuilder {
    /// Sets how long [`Cache::close`](crate::Cache::close) may take.
    ///
    /// Default: 5 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().close_timeout(Duration::from_secs(20)).build();
    /// ```
    #[must_use]
    pub fn close_timeout(mut self, limit: Duration) -> Self {
        self.close_timeout = limit;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_work_that_was_left_undone() {
        let clean = CloseReport { tasks: 0, writes: 0, invalidations: 0, disconnected: true };
        let cases = [
            (clean, "nothing was left undone"),
            (CloseReport { tasks: 2, ..clean }, "left undone: tasks: 2, deferred invalidations: 0"),
            (CloseReport { invalidations: 3, ..clean }, "left undone: tasks: 0, deferred invalidations: 3"),
            (
                CloseReport { writes: 4, ..clean },
                "left undone: tasks: 0, deferred invalidations: 0, in-process writes: 4",
            ),
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
