//! A shared store in the memory of the test.

mod instances;
mod leases;
mod log;
#[cfg(test)]
mod tests;
mod writes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use larder_core::monitoring::Monitoring;
use larder_core::store::{MAX_KEYS, SharedTier, StoreError, StoreErrorKind, too_many_keys};
use larder_core::stored::wire::{INCARNATION, LOG_ID};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::lock::lock;
use crate::memory_store::instances::InstanceTable;
use crate::memory_store::leases::LeaseTable;
use crate::memory_store::log::Log;
use crate::memory_store::writes::Writes;

/// A shared store in the memory of the test, for several caches without a Redis.
///
/// Clones share their responses, their leases, their invalidation log, their write queue and the
/// list of instances. Caches with clones of one store behave like instances with one Redis. Expiry
/// uses tokio's timers, so a test can pause and advance it.
///
/// It does not replace a test against a real Redis: it has no network and no restart of its own.
/// [`fail`](Self::fail) and [`restart`](Self::restart) stage both.
///
/// # Examples
///
/// ```
/// use larder_testing::MemoryStore;
///
/// let store = MemoryStore::new();
/// // Pass one clone to `CacheBuilder::shared_store` of each cache.
/// let (first, second) = (store.clone(), store.clone());
/// assert!(store.is_empty());
/// # drop((first, second));
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    /// Wakes the caches that wait for news of the log.
    news: Arc<Notify>,
}

struct State {
    values: HashMap<String, Value>,
    leases: LeaseTable,
    instances: InstanceTable,
    log: Log,
    writes: Writes,
    failing: Option<StoreErrorKind>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            leases: LeaseTable::default(),
            instances: InstanceTable::default(),
            log: Log::new(),
            writes: Writes::default(),
            failing: None,
        }
    }
}

struct Value {
    bytes: Bytes,
    expires: Instant,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every operation fail with this kind of error, until [`heal`](Self::heal) is called.
    pub fn fail(&self, kind: StoreErrorKind) {
        lock(&self.state).failing = Some(kind);
        self.news.notify_waiters();
    }

    /// Makes every operation succeed again.
    pub fn heal(&self) {
        lock(&self.state).failing = None;
    }

    /// Begins a new incarnation of the log, as a restart of Redis does. The responses stay.
    pub fn restart(&self) {
        lock(&self.state).log.restart();
        self.news.notify_waiters();
    }

    /// Returns the number of stored values.
    ///
    /// A response that varies has one value for each variant, and one for the names of the fields.
    #[must_use]
    pub fn len(&self) -> usize {
        let mut state = lock(&self.state);
        state.remove_expired();
        state.values.len()
    }

    /// Returns whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn working(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = lock(&self.state);
        match state.failing {
            Some(kind) => Err(StoreError::new(kind, "the test demands it")),
            None => {
                state.remove_expired();
                Ok(state)
            }
        }
    }
}

impl State {
    fn remove_expired(&mut self) {
        let now = Instant::now();
        self.values.retain(|_, value| value.expires > now);
    }

    /// Rule 16 of the log: a value replaces only one of another incarnation or a lower position.
    fn set(&mut self, key: &str, bytes: Bytes, expiry: Duration) {
        if self.values.get(key).is_some_and(|old| is_newer(&old.bytes, &bytes)) {
            return;
        }
        self.values.insert(key.to_owned(), Value { bytes, expires: Instant::now() + expiry });
    }
}

/// Whether `old` has the incarnation of `new` and a higher position.
fn is_newer(old: &[u8], new: &[u8]) -> bool {
    let same = old.get(INCARNATION).is_some() && old.get(INCARNATION) == new.get(INCARNATION);
    same && old.get(LOG_ID) > new.get(LOG_ID)
}

impl SharedTier for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.working()?.values.get(key).map(|value| value.bytes.clone()))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, StoreError> {
        if keys.len() > MAX_KEYS {
            return Err(too_many_keys(keys.len()));
        }
        let state = self.working()?;
        let value = |key: &&str| state.values.get(*key).map(|value| value.bytes.clone());
        Ok(keys.iter().map(value).collect())
    }

    async fn set(&self, key: &str, value: Bytes, expiry: Duration) -> Result<(), StoreError> {
        self.working()?.set(key, value, expiry);
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.working()?.values.remove(key);
        Ok(())
    }

    fn monitoring(&self) -> impl Monitoring {
        self.clone()
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("len", &self.len()).finish_non_exhaustive()
    }
}
