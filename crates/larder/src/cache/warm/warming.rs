//! The warming of a cache that is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinHandle;

/// Requests that are being sent to fill the cache.
///
/// Returned by [`Cache::warm`](crate::Cache::warm). The requests are sent in the background. Dropping
/// this stops them: no further request is sent, and those that are running are dropped, like those
/// of clients that leave.
#[derive(Debug)]
#[must_use = "dropping it stops the requests"]
pub struct Warming {
    counters: Arc<WarmCounters>,
    /// `None` once it has ended.
    task: Option<JoinHandle<()>>,
}

/// How far a [`Warming`] is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmProgress {
    /// The number of requests that are done: the sum of the four numbers below.
    pub done: u64,
    /// The number of requests that a stored response answered.
    pub hits: u64,
    /// The number of requests whose response is now stored.
    ///
    /// This includes requests that shared the fill of another one.
    pub filled: u64,
    /// The number of requests that failed: with an error, a status of 5xx, a panic, or too late.
    pub failed: u64,
    /// The number of requests that stored nothing.
    ///
    /// They were not `GET` requests and were not sent, or their response may not be stored, or
    /// their route has no layer.
    pub skipped: u64,
    /// The number of requests in all, if the iterator knows it.
    pub total: Option<u64>,
}

/// How one request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WarmResult {
    Hit,
    Filled,
    Failed,
    Skipped,
}

/// The counters of a warming, which its task and its handle share.
#[derive(Debug, Default)]
pub(super) struct WarmCounters {
    hits: AtomicU64,
    filled: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    total: Option<u64>,
}

impl WarmCounters {
    pub(super) fn new(total: Option<u64>) -> Self {
        Self { total, ..Self::default() }
    }

    pub(super) fn count(&self, result: WarmResult) {
        let counter = match result {
            WarmResult::Hit => &self.hits,
            WarmResult::Filled => &self.filled,
            WarmResult::Failed => &self.failed,
            WarmResult::Skipped => &self.skipped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Warming {
    pub(super) const fn new(counters: Arc<WarmCounters>, task: Option<JoinHandle<()>>) -> Self {
        Self { counters, task }
    }

    /// Returns how far it is.
    #[must_use]
    pub fn progress(&self) -> WarmProgress {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let WarmCounters { hits, filled, failed, skipped, total } = &*self.counters;
        let (hits, filled, failed, skipped) = (get(hits), get(filled), get(failed), get(skipped));
        WarmProgress { done: hits + filled + failed + skipped, hits, filled, failed, skipped, total: *total }
    }

    /// Waits until all requests are done, or until the cache is closed.
    ///
    /// Dropping the future stops nothing: the method can be called again.
    pub async fn finished(&mut self) -> WarmProgress {
        if let Some(task) = &mut self.task {
            // The requests run in tasks of their own, so a panic of the service is not here.
            let _ = task.await;
            self.task = None;
        }
        self.progress()
    }
}

impl Drop for Warming {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
