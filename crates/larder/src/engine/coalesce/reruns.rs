//! A limit on requests that run the handler themselves after the run they waited for failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::engine::coalesce::flight::FlightKey;

/// The keys for which requests run the handler again, or wait to do so.
#[derive(Default)]
pub(crate) struct Reruns {
    keys: Arc<Mutex<Keys>>,
}

type Keys = HashMap<FlightKey, Arc<Semaphore>>;

/// Permission for one request to run the handler again.
pub(crate) struct RerunPermit {
    keys: Arc<Mutex<Keys>>,
    key: FlightKey,
    permit: Option<OwnedSemaphorePermit>,
}

impl Reruns {
    /// Waits for a permit until `deadline`. At most `limit` requests have one for a key.
    ///
    /// Requests that begin to wait while others do so share their limit.
    ///
    /// After the deadline, the request runs the handler without a permit. It has already waited for
    /// the maximum time, and without a cache it would not have waited at all.
    pub(crate) async fn wait_for_permit(
        &self,
        key: FlightKey,
        limit: usize,
        deadline: Instant,
    ) -> RerunPermit {
        let semaphore = {
            let mut keys = lock(&self.keys);
            let semaphore = keys
                .entry(key.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))));
            Arc::clone(semaphore)
        };
        // Create this before the wait, so that the key is removed even if the client leaves
        // meanwhile.
        let mut rerun = RerunPermit { keys: Arc::clone(&self.keys), key, permit: None };
        rerun.permit = timeout_at(deadline, semaphore.acquire_owned()).await.ok().and_then(Result::ok);
        rerun
    }
}

impl Drop for RerunPermit {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut keys = lock(&self.keys);
        // Each other request for this key has a clone of the semaphore. A count of 1 means that
        // there are none.
        if keys.get(&self.key).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            keys.remove(&self.key);
        }
    }
}

fn lock(keys: &Mutex<Keys>) -> MutexGuard<'_, Keys> {
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::soon;

    const LIMIT: usize = 4;

    fn key(name: &str) -> FlightKey {
        (name.into(), 0)
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_of_one_key_go_on_at_once_and_others_as_soon_as_one_ends_or_time_is_up() {
        let reruns = Reruns::default();
        let mut permits = Vec::new();
        for _ in 0..LIMIT {
            permits.push(soon(reruns.wait_for_permit(key("a"), LIMIT, far())).await);
        }
        assert!(soon(reruns.wait_for_permit(key("b"), LIMIT, far())).await.permit.is_some(), "another key");
        let in_time = Duration::from_millis(10);
        assert!(reruns.wait_for_permit(key("a"), LIMIT, Instant::now() + in_time).await.permit.is_none());
        permits.pop();
        assert!(soon(reruns.wait_for_permit(key("a"), LIMIT, far())).await.permit.is_some());
        permits.clear();
        assert!(lock(&reruns.keys).is_empty(), "no key is kept");
    }

    #[tokio::test]
    async fn a_limit_may_be_as_high_as_numbers_are() {
        let permit = soon(Reruns::default().wait_for_permit(key("a"), usize::MAX, far())).await;
        assert!(permit.permit.is_some());
    }

    #[tokio::test]
    async fn a_client_that_leaves_during_the_wait_leaves_nothing_behind() {
        let reruns = Reruns::default();
        let mut permits = Vec::new();
        for _ in 0..LIMIT {
            permits.push(reruns.wait_for_permit(key("a"), LIMIT, far()).await);
        }
        let waits = reruns.wait_for_permit(key("a"), LIMIT, far());
        assert!(tokio::time::timeout(Duration::from_millis(1), waits).await.is_err());
        drop(permits);
        assert!(lock(&reruns.keys).is_empty());
    }
}
