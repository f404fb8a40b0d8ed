//! Identical reads of the shared store, which share one exchange.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::store::StoreError;
use quick_cache::DefaultHashBuilder;
use tokio::sync::watch;
use tokio::time::timeout;

/// Maximum time that a request waits for the exchange of another one, if the store does not state
/// how long an exchange takes.
const MAX_WAIT: Duration = Duration::from_millis(50);

/// The reads that are under way, each of which has an answer of this type.
pub(crate) struct SharedReads<T> {
    table: Mutex<Table<T>>,
    /// Maximum time that a request waits for the exchange of another one.
    ///
    /// That one may have been polled once and then held, for example by a client that does not read
    /// its body. Its exchange then never ends. The time is longer than an exchange takes. So if the
    /// store hangs, the requests that wait get the error, and do not ask as well.
    max_wait: Duration,
}

/// The reads by their keys.
struct Table<T> {
    reads: HashMap<ReadKey, Read<T>, DefaultHashBuilder>,
    /// Reads that have taken too long, so that no further request waits for them.
    late: Vec<Read<T>>,
    /// The number of the last read.
    number: u64,
}

/// The address, and the local number of this instance before the store is asked (rule 1).
///
/// A read from before an invalidation that was deferred is not for a request from after it.
type ReadKey = (Arc<str>, u64);
type Answer<T> = Result<T, StoreError>;
type Sender<T> = watch::Sender<Option<Answer<T>>>;
type Answers<T> = watch::Receiver<Option<Answer<T>>>;

/// A read that is under way.
struct Read<T> {
    number: u64,
    /// The channel of the answer. The first request that waits opens it, and most reads have none.
    answers: Option<Sender<T>>,
}

/// The part of one request in a read.
enum Role<'a, T> {
    /// It asks the store.
    First(FirstRead<'a, T>),
    /// It waits for the answer to the read with this number.
    Other(Answers<T>, u64),
}

/// The read of the request that asks the store. If it is dropped, another request asks.
struct FirstRead<'a, T> {
    reads: &'a SharedReads<T>,
    key: &'a ReadKey,
    number: u64,
    is_finished: bool,
}

impl<T: Clone> SharedReads<T> {
    /// Creates a table of reads, each of which takes up to `limit` if the store states one.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        let table = Table { reads: HashMap::default(), late: Vec::new(), number: 0 };
        let max_wait = limit.map_or(MAX_WAIT, |limit| limit.saturating_add(limit / 4));
        Self { table: Mutex::new(table), max_wait }
    }

    /// Reads the value at an address, together with other requests that do so at this moment.
    ///
    /// `local` is the local number of this instance, which is trusted at this moment (rules 1 and
    /// 12). A value that was read before an invalidation is refused when it is used (rule 3).
    ///
    /// # Errors
    /// If the store did not answer.
    pub(crate) async fn read<F>(
        &self,
        address: impl Into<Arc<str>>,
        local: u64,
        exchange: impl FnOnce() -> F,
    ) -> Answer<T>
    where
        F: Future<Output = Answer<T>>,
    {
        let key: ReadKey = (address.into(), local);
        loop {
            let (answers, number) = match self.join(&key) {
                Role::First(read) => {
                    let answer = exchange().await;
                    read.finish(&answer);
                    return answer;
                }
                Role::Other(answers, number) => (answers, number),
            };
            // Boxed, so that the future of a read that nothing else shares stays small.
            match Box::pin(timeout(self.max_wait, next_answer(answers))).await {
                Ok(Some(answer)) => return answer,
                // The first request was cancelled.
                Ok(None) => {}
                Err(_) => {
                    self.set_late(&key, number);
                    return exchange().await;
                }
            }
        }
    }

    fn join<'a>(&'a self, key: &'a ReadKey) -> Role<'a, T> {
        let mut table = lock(&self.table);
        let number = table.number + 1;
        match table.reads.entry(key.clone()) {
            Entry::Occupied(mut entry) => {
                let read = entry.get_mut();
                let answers = read.answers.get_or_insert_with(|| watch::Sender::new(None));
                return Role::Other(answers.subscribe(), read.number);
            }
            Entry::Vacant(entry) => entry.insert(Read { number, answers: None }),
        };
        table.number = number;
        Role::First(FirstRead { reads: self, key, number, is_finished: false })
    }
}

impl<T> SharedReads<T> {
    /// Notes that a read has taken too long. The requests that wait for it still get its answer.
    fn set_late(&self, key: &ReadKey, number: u64) {
        let mut table = lock(&self.table);
        if let Some(read) = table.remove(key, number) {
            table.late.push(read);
        }
    }
}

impl<T> Table<T> {
    /// Removes a read for which further requests would wait.
    fn remove(&mut self, key: &ReadKey, number: u64) -> Option<Read<T>> {
        match self.reads.entry(key.clone()) {
            Entry::Occupied(entry) if entry.get().number == number => Some(entry.remove()),
            _ => None,
        }
    }

    fn remove_late(&mut self, number: u64) -> Option<Read<T>> {
        let index = self.late.iter().position(|read| read.number == number)?;
        Some(self.late.swap_remove(index))
    }
}

impl<T: Clone> FirstRead<'_, T> {
    /// Sends the answer to the requests that wait for it.
    fn finish(mut self, answer: &Answer<T>) {
        self.is_finished = true;
        // Removed first, so that no request begins to wait afterwards.
        if let Some(answers) = self.remove() {
            answers.send_replace(Some(answer.clone()));
        }
    }
}

impl<T> FirstRead<'_, T> {
    /// Removes the read, and returns its channel if requests wait for it.
    fn remove(&self) -> Option<Sender<T>> {
        let mut table = lock(&self.reads.table);
        let read = table.remove(self.key, self.number).or_else(|| table.remove_late(self.number))?;
        read.answers
    }
}

impl<T> Drop for FirstRead<'_, T> {
    fn drop(&mut self) {
        if !self.is_finished {
            drop(self.remove());
        }
    }
}

/// Waits for the answer. Returns `None` if the first request was cancelled.
async fn next_answer<T: Clone>(mut answers: Answers<T>) -> Option<Answer<T>> {
    answers.wait_for(Option::is_some).await.ok()?.clone()
}

fn lock<T>(table: &Mutex<Table<T>>) -> MutexGuard<'_, Table<T>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use larder_core::store::StoreErrorKind;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::testing::soon;

    /// A store whose answers are held until there are permits.
    struct Held {
        reads: SharedReads<Option<Bytes>>,
        asked: AtomicUsize,
        permits: Semaphore,
    }

    impl Held {
        fn new() -> Arc<Self> {
            let (reads, asked) = (SharedReads::new(None), AtomicUsize::new(0));
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
            let table = lock(&self.reads.table);
            table.reads.len() + table.late.len()
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

    /// A store that hangs costs the requests that wait one delay, and gets one command.
    #[tokio::test(start_paused = true)]
    async fn requests_that_wait_get_the_error_of_an_exchange_that_took_its_whole_time() {
        const LIMIT: Duration = Duration::from_millis(50);
        let reads = Arc::new(SharedReads::<Option<Bytes>>::new(Some(LIMIT)));
        let (asked, begun) = (Arc::new(AtomicUsize::new(0)), tokio::time::Instant::now());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (reads, asked) = (Arc::clone(&reads), Arc::clone(&asked));
            tasks.spawn(async move {
                let exchange = || async {
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(LIMIT).await;
                    Err(StoreError::new(StoreErrorKind::Timeout, ""))
                };
                assert!(reads.read("a", 0, exchange).await.is_err());
            });
        }
        tasks.join_all().await;
        assert_eq!((asked.load(Ordering::Relaxed), begun.elapsed()), (1, LIMIT));
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
