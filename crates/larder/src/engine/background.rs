//! Tasks that run without a client: their limits, and how they end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The background tasks of a cache.
pub(crate) struct Background {
    /// One permit for each refresh that may still begin.
    refreshes: Arc<Semaphore>,
    /// One permit for each refresh that may still wait for another instance.
    waiting_refreshes: Arc<Semaphore>,
    /// One permit for each fill that may still be left to run without a client.
    abandoned_fills: Arc<Semaphore>,
    /// One permit for each write that may still be left to run without a client.
    abandoned_writes: Arc<Semaphore>,
    /// The tasks that a closing cache waits for.
    ///
    /// The tracker is closed first, so that no further refresh begins.
    tasks: TaskTracker,
    /// Whether the cache is closed. A closed cache does not follow the log or use the store.
    closed: AtomicBool,
    stop: CancellationToken,
    /// Ends tasks that run as long as the cache does.
    closing: CancellationToken,
}

/// Permission for one refresh, or for one handler run without a client.
///
/// The permission ends when this is dropped.
pub(crate) struct Permit {
    _permit: OwnedSemaphorePermit,
}

/// The maximum number of tasks of each kind at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BackgroundLimits {
    pub(crate) refreshes: usize,
    pub(crate) abandoned_fills: usize,
    pub(crate) abandoned_writes: usize,
}

impl Background {
    pub(crate) fn new(limits: BackgroundLimits) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self {
            refreshes: semaphore(limits.refreshes),
            waiting_refreshes: semaphore(limits.refreshes),
            abandoned_fills: semaphore(limits.abandoned_fills),
            abandoned_writes: semaphore(limits.abandoned_writes),
            tasks: TaskTracker::new(),
            closed: AtomicBool::new(false),
            stop: CancellationToken::new(),
            closing: CancellationToken::new(),
        }
    }

    /// Returns a permit for one refresh, unless too many are running.
    ///
    /// This never waits. If a refresh is skipped, the next request tries again. At worst, a client
    /// gets one more stale response.
    pub(crate) fn try_refresh_permit(&self) -> Option<Permit> {
        if self.tasks.is_closed() {
            return None;
        }
        permit(&self.refreshes)
    }

    /// Returns a permit for a refresh to wait for another instance, unless too many do.
    ///
    /// There are as many as permits to refresh.
    pub(crate) fn try_waiting_refresh(&self) -> Option<Permit> {
        permit(&self.waiting_refreshes)
    }

    /// Returns a permit for a fill to go on without a client, unless too many fills already do.
    ///
    /// This never waits. Without the permit, the handler is cancelled, as it is without a cache.
    pub(crate) fn try_abandoned_fill(&self) -> Option<Permit> {
        permit(&self.abandoned_fills)
    }

    /// Returns a permit for a write to go on without a client, unless too many writes already do.
    pub(crate) fn try_abandoned_write(&self) -> Option<Permit> {
        permit(&self.abandoned_writes)
    }

    /// Spawns a task that a closing cache waits for.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.tasks.spawn(task)
    }

    /// Prevents further refreshes from beginning, and ends long tasks after their current step.
    pub(crate) fn stop_refreshes(&self) {
        self.closing.cancel();
        self.tasks.close();
    }

    /// Returns a token that is cancelled when the cache begins to close.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Waits until no task is left. Call [`stop_refreshes`](Self::stop_refreshes) first.
    pub(crate) async fn wait_idle(&self) {
        self.tasks.wait().await;
    }

    /// Returns the number of running tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Marks the cache as closed, and ends the work of [`until_closed`](Self::until_closed).
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.stop.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits until the cache is closed.
    pub(crate) async fn closed(&self) {
        self.stop.cancelled().await;
    }

    /// Runs `work` until the cache is closed.
    pub(crate) fn until_closed(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let stop = self.stop.clone();
        async move {
            stop.run_until_cancelled(work).await;
        }
    }
}

fn permit(of: &Arc<Semaphore>) -> Option<Permit> {
    let permit = Arc::clone(of).try_acquire_owned().ok()?;
    Some(Permit { _permit: permit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::soon;

    fn with_refreshes(refreshes: usize) -> Background {
        Background::new(BackgroundLimits { refreshes, abandoned_fills: 1, abandoned_writes: 1 })
    }

    #[test]
    fn fills_and_writes_without_clients_are_counted_apart() {
        let background = with_refreshes(1);
        let fill = background.try_abandoned_fill();
        assert!(fill.is_some() && background.try_abandoned_fill().is_none());
        assert!(background.try_abandoned_write().is_some());
        drop(fill);
        assert!(background.try_abandoned_fill().is_some());
    }

    #[test]
    fn refreshes_are_counted_while_they_last_and_end_with_the_cache() {
        let background = with_refreshes(2);
        let first = background.try_refresh_permit().unwrap();
        let _second = background.try_refresh_permit().unwrap();
        assert!(background.try_refresh_permit().is_none());
        drop(first);
        let again = background.try_refresh_permit();
        assert!(again.is_some());
        drop(again);
        background.stop_refreshes();
        assert!(background.try_refresh_permit().is_none(), "there would be room");
        assert!(with_refreshes(usize::MAX).try_refresh_permit().is_some());
    }

    #[tokio::test]
    async fn work_until_the_end_ends_with_it_also_if_it_begins_later() {
        let background = with_refreshes(1);
        let running = tokio::spawn(background.until_closed(std::future::pending()));
        tokio::task::yield_now().await;
        assert!(!background.is_closed());
        background.close();
        assert!(background.is_closed());
        soon(running).await.unwrap();
        soon(background.until_closed(std::future::pending())).await;
    }

    #[tokio::test]
    async fn tasks_are_waited_for_whatever_they_come_to() {
        let background = with_refreshes(1);
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let panicking = background.spawn(async move {
            let _ = ended.await;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        background.stop_refreshes();
        let late = background.spawn(async { 7 });
        assert_eq!(background.tasks(), 2);
        drop(end);
        soon(background.wait_idle()).await;
        assert_eq!(background.tasks(), 0);
        assert!(panicking.await.is_err());
        assert_eq!(late.await.unwrap(), 7);
    }
}
