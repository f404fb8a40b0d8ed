//! Identical reads of the shared store, which share one exchange.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use larder_core::store::StoreError;
use tokio::sync::watch;
use tokio::time::timeout;

/// Maximum time that a request waits for the exchange of another one.
///
/// That one may have been polled once and then held, for example by a client that does not read its
/// body. Its exchange then never ends.
const MAX_WAIT: Duration = Duration::from_millis(50);

/// The reads that are under way.
#[derive(Default)]
pub(crate) struct SharedReads {
    table: Mutex<Table>,
}

type Table = HashMap<ReadKey, Arc<Channel>>;
/// The address, and the local number of this instance before the store is asked (rule 1).
///
/// A read from before an invalidation that was deferred is not for a request from after it.
type ReadKey = (Arc<str>, u64);
type Answer = Result<Option<Bytes>, StoreError>;
type Answers = watch::Receiver<Option<Answer>>;
/// The channel of an answer. The first request that waits opens it, and most reads have none.
type Channel = OnceLock<watch::Sender<Option<Answer>>>;

/// The part of one request in a read.
enum Role<'a> {
    /// It asks the store.
    First(FirstRead<'a>),
    /// It waits for the answer.
    Other(Answers),
}

/// The read of the request that asks the store. If it is dropped, another request asks.
struct FirstRead<'a> {
    reads: &'a SharedReads,
    key: &'a ReadKey,
    channel: Arc<Channel>,
}

impl SharedReads {
    /// Reads the value at an address, together with other requests that do so at this moment.
    ///
    /// `local` is the local number of this instance, which is trusted at this moment (rules 1 and
    /// 12). A value that was read before an invalidation is refused when it is used (rule 3).
    ///
    /// # Errors
    /// If the store did not answer.
    pub(crate) async fn read<F>(&self, address: &str, local: u64, exchange: impl FnOnce() -> F) -> Answer
    where
        F: Future<Output = Answer>,
    {
        let key: ReadKey = (address.into(), local);
        loop {
            let answers = match self.join(&key) {
                Role::First(read) => {
                    let answer = exchange().await;
                    read.finish(&answer);
                    return answer;
                }
                Role::Other(answers) => answers,
            };
            match timeout(MAX_WAIT, next_answer(answers.clone())).await {
                Ok(Some(answer)) => return answer,
                // The first request was cancelled.
                Ok(None) => {}
                Err(_) => {
                    self.remove(&key, |channel| {
                        channel.get().is_some_and(|sender| sender.subscribe().same_channel(&answers))
                    });
                    return exchange().await;
                }
            }
        }
    }

    fn join<'a>(&'a self, key: &'a ReadKey) -> Role<'a> {
        let mut table = lock(&self.table);
        if let Some(channel) = table.get(key) {
            return Role::Other(channel.get_or_init(|| watch::Sender::new(None)).subscribe());
        }
        let channel = Arc::<Channel>::default();
        table.insert(key.clone(), Arc::clone(&channel));
        Role::First(FirstRead { reads: self, key, channel })
    }

    /// Removes a read that is over, or that no request waits for any more.
    fn remove(&self, key: &ReadKey, is_it: impl FnOnce(&Arc<Channel>) -> bool) {
        let mut table = lock(&self.table);
        if table.get(key).is_some_and(is_it) {
            table.remove(key);
        }
    }
}

impl FirstRead<'_> {
    /// Sends the answer to the requests that wait for it.
    fn finish(self, answer: &Answer) {
        let channel = Arc::clone(&self.channel);
        // Removed first, so that no request begins to wait afterwards.
        drop(self);
        if let Some(sender) = channel.get() {
            sender.send_replace(Some(answer.clone()));
        }
    }
}

impl Drop for FirstRead<'_> {
    fn drop(&mut self) {
        self.reads.remove(self.key, |channel| Arc::ptr_eq(channel, &self.channel));
    }
}

/// Waits for the answer. Returns `None` if the first request was cancelled.
async fn next_answer(mut answers: Answers) -> Option<Answer> {
    answers.wait_for(Option::is_some).await.ok()?.clone()
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::testing::soon;

    /// A store whose answers are held until there are permits.
    struct Held {
        reads: SharedReads,
        asked: AtomicUsize,
        permits: Semaphore,
    }

    impl Held {
        fn new() -> Arc<Self> {
            let (reads, asked) = (SharedReads::default(), AtomicUsize::new(0));
            Arc::new(Self { reads, asked, permits: Semaphore::new(0) })
        }

        async fn read(self: Arc<Self>, address: &'static str, local: u64) -> Bytes {
            let exchange = || async {
                let number = 1 + self.asked.fetch_add(1, Ordering::Relaxed);
                self.permits.acquire().await.unwrap().forget();
                Ok(Some(Bytes::from(number.to_string())))
            };
            self.reads.read(address, local, exchange).await.unwrap().unwrap()
        }

        /// Begins a read in a task.
        async fn begin(
            self: &Arc<Self>,
            address: &'static str,
            local: u64,
        ) -> tokio::task::JoinHandle<Bytes> {
            let task = tokio::spawn(Arc::clone(self).read(address, local));
            tokio::task::yield_now().await;
            task
        }

        fn under_way(&self) -> usize {
            lock(&self.reads.table).len()
        }
    }

    #[tokio::test]
    async fn reads_of_one_moment_share_an_exchange_and_later_ones_do_not() {
        let held = Held::new();
        let (first, second) = (held.begin("a", 0).await, held.begin("a", 0).await);
        let other = held.begin("b", 0).await;
        assert_eq!((held.asked.load(Ordering::Relaxed), held.under_way()), (2, 2));
        held.permits.add_permits(3);
        assert_eq!(soon(first).await.unwrap(), soon(second).await.unwrap());
        soon(other).await.unwrap();
        assert_eq!(soon(Arc::clone(&held).read("a", 0)).await, "3");
        assert_eq!(held.under_way(), 0);
    }

    /// Rule 1: a read from before an invalidation that was deferred has a lower local number.
    #[tokio::test]
    async fn a_request_after_a_deferred_invalidation_asks_again() {
        let held = Held::new();
        let before = held.begin("a", 0).await;
        let after = held.begin("a", 1).await;
        held.permits.add_permits(2);
        assert_ne!(soon(before).await.unwrap(), soon(after).await.unwrap());
    }

    #[tokio::test]
    async fn another_request_asks_if_the_first_one_is_cancelled() {
        let held = Held::new();
        let (first, second) = (held.begin("a", 0).await, held.begin("a", 0).await);
        first.abort();
        let _ = soon(first).await;
        held.permits.add_permits(1);
        assert_eq!(soon(second).await.unwrap(), "2");
        assert_eq!(held.under_way(), 0);
        let only = held.begin("a", 0).await;
        only.abort();
        let _ = soon(only).await;
        assert_eq!(held.under_way(), 0, "nothing is left of a read without an answer");
    }

    /// A request that is polled once and then held must not hold up others.
    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_held_holds_up_no_other() {
        let held = Held::new();
        let mut parked = Box::pin(Arc::clone(&held).read("a", 0));
        assert!(tokio::time::timeout(Duration::ZERO, &mut parked).await.is_err());
        held.permits.add_permits(3);
        assert_eq!(soon(Arc::clone(&held).read("a", 0)).await, "2");
        let begun = tokio::time::Instant::now();
        assert_eq!(soon(Arc::clone(&held).read("a", 0)).await, "3");
        assert_eq!(begun.elapsed(), Duration::ZERO, "it does not wait for the one that is held");
        assert_eq!(soon(parked).await, "1");
        assert_eq!(held.under_way(), 0);
    }
}
