//! A collection whose writes are queued, and its reads.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use larder_core::invalidation::selector::Selector;
use larder_core::store::StoreError;
use larder_core::write_queue::QueueStats;
use serde::de::DeserializeOwned;
use tokio_util::sync::DropGuard;

use crate::engine::invalidation_log::invalidation::InvalidationOutcome;
use crate::engine::report::value_stats::ValueStats;
use crate::engine::report::write_stats::WriteBehindStats;
use crate::values::behind::behind_state::BehindState;
use crate::values::behind::pending::Pending;
use crate::values::behind::write_error::ReadError;
use crate::values::cached::Cached;
use crate::values::collection::Values;
use crate::values::collection_state::Collection;
use crate::values::load_error::LoadError;
use crate::values::loader_mark::NoLoader;
use crate::values::value_key::ValueKey;

/// A collection of values whose writes reach the database later.
///
/// [`write`](Self::write) returns when the write is durable in the queue, usually in Redis. A worker
/// brings it to the [`Sink`](crate::values::Sink). Handles are cheap to clone.
///
/// # What is guaranteed
///
/// * A write that returned `Ok` is not lost, as far as the
///   [durability](crate::values::WriteBehindBuilder::durability) goes. It reaches the sink at least
///   once, unless a later write of its key replaces it first.
/// * Until then, the pending value *is* the value. A read that finds nothing in the cache asks the
///   queue before it loads the value from the database, on every instance. So this instance never
///   reads a value from before a write that it acknowledged.
/// * A read of another instance sees the write like an invalidation: within
///   [`max_staleness`](crate::CacheBuilder::max_staleness).
/// * If the queue cannot be asked, the writes of this instance that are not flushed answer its
///   reads, within [`max_unflushed_bytes`](crate::values::WriteBehindBuilder::max_unflushed_bytes).
///   Any other read that needs the queue is an error.
///   [`may_lag`](crate::values::WriteBehindBuilder::may_lag) allows a load instead.
/// * A write that the sink rejects again and again goes to the quarantine, and blocks no other key.
///   It stays the value until you [retry](Self::retry_dead_letter) or
///   [discard](Self::discard_dead_letter) it, or write the key again.
///
/// Nothing else may write these rows of the database. The collection has no write-through: a write
/// that is pending would overwrite it later.
///
/// With [`in_process`](crate::values::WriteBehindBuilder::in_process), the queue is in the memory of
/// this process, without Redis. Then a crash loses the writes that are not flushed.
///
/// # The worker
///
/// Each partition of the queue has one reader at a time, on any instance. The worker of an instance
/// runs until the last handle is dropped, or until [`Cache::close`](crate::Cache::close). Closing
/// lets a flush end, and gives the partitions to other instances. Writes that are not flushed stay
/// in the queue. An in-process queue is flushed first.
///
/// The key is stored as JSON in the queue. Drain the queue before you change the
/// [schema](crate::values::ValuesBuilder::schema), the codec or the number of partitions: a write
/// of another schema goes to the quarantine.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder::Cache;
/// use larder::values::{FlushError, Flushed, Sink, Write, WriteBehind};
/// use larder::write_queue::Durability;
///
/// struct Carts;
///
/// impl Sink<Write<u64, String>> for Carts {
///     async fn flush(&self, batch: &[Write<u64, String>]) -> Result<Flushed, FlushError> {
///         let mut rows = 0;
///         for Write { key, sequence, value } in batch {
///             // INSERT … ON CONFLICT … WHERE carts.seq < excluded.seq
///             // rows += result.rows_affected();
///             # let _ = (key, sequence, value, &mut rows);
///         }
///         Ok(Flushed::rows(rows))
///     }
/// }
///
/// # let store = larder_testing::MemoryStore::default();
/// let cache = Cache::builder().write_queue(store.clone()).shared_store(store).build();
/// let carts: WriteBehind<u64, String> =
///     cache.values("cart").write_behind(Carts).durability(Durability::Memory).build()?;
/// carts.write(&7, "cheese".to_owned()).await?;
/// // … SELECT items FROM carts
/// let load = async || Ok::<_, std::io::Error>(None);
/// assert!(carts.get_or_load(&7, load).await.is_ok());
/// # Ok(())
/// # }
/// ```
pub struct WriteBehind<K, V, L = NoLoader> {
    pub(super) values: Values<K, V, L>,
    pub(super) state: Arc<BehindState<Collection<K, V>>>,
    /// Stops the worker when the last handle is dropped.
    running: Arc<DropGuard>,
}

impl<K: ValueKey, V: Send + Sync + 'static, L> WriteBehind<K, V, L> {
    pub(super) fn new(
        values: Values<K, V, L>,
        state: Arc<BehindState<Collection<K, V>>>,
        running: DropGuard,
    ) -> Self {
        Self { values, state, running: Arc::new(running) }
    }

    /// Returns the value, if it is fresh in memory. See [`Values::get_cached`].
    #[inline]
    #[must_use]
    pub fn get_cached(&self, key: &K) -> Cached<V> {
        self.values.get_cached(key)
    }

    /// Returns the value, if it is cached. This does not ask the queue. See [`Values::get`].
    pub async fn get(&self, key: &K) -> Cached<V> {
        self.values.get(key).await
    }

    /// Invalidates the cached value. A pending write stays. See [`Values::invalidate`].
    pub async fn invalidate(&self, key: &K) -> InvalidationOutcome {
        self.values.invalidate(key).await
    }

    /// Returns the selector of a value. See [`Values::selector`].
    #[must_use]
    pub fn selector(&self, key: &K) -> Selector {
        self.values.selector(key)
    }

    /// Returns the name of the collection.
    #[must_use]
    pub fn name(&self) -> &str {
        self.values.name()
    }

    /// Returns the counters of the values. See [`Values::stats`].
    #[must_use]
    pub fn stats(&self) -> ValueStats {
        self.values.stats()
    }

    /// Returns the counters of the writes on this instance.
    #[must_use]
    pub fn write_stats(&self) -> WriteBehindStats {
        self.state.counters.stats()
    }

    /// Returns the size of each partition of the queue, over all instances.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked.
    pub async fn queue_stats(&self) -> Result<Vec<QueueStats>, StoreError> {
        self.state.queue_stats().await
    }
}

/// Reads.
impl<K: ValueKey + DeserializeOwned, V: Send + Sync + 'static, L> WriteBehind<K, V, L> {
    /// Returns the value. If it is not cached, it is the pending one, or is loaded.
    ///
    /// This is [`Values::get_or_load`], with a question to the queue before each load.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked and this instance has no unflushed write of
    /// the key, or if the load fails.
    pub async fn get_or_load<F, Fut, T, E>(
        &self,
        key: &K,
        load: F,
    ) -> Result<Option<Arc<V>>, LoadError<ReadError<E>>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        T: Into<Option<V>>,
        E: Send + Sync + 'static,
    {
        let pending_or_load = || async move {
            let pending = self.state.pending(std::slice::from_ref(key)).await?.pop();
            match pending.flatten() {
                Some(Pending(value)) => Ok(value),
                None => load().await.map(Into::into).map_err(ReadError::Load),
            }
        };
        self.values.get_or_load(key, pending_or_load).await
    }

    /// Returns many values, in the order of `keys`. Loads those that are not cached or pending.
    ///
    /// This is [`Values::get_many_or_load`], with a question to the queue before each load.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked, or if a load fails.
    pub async fn get_many_or_load<F, Fut, I, E>(
        &self,
        keys: &[K],
        mut load: F,
    ) -> Result<Vec<Option<Arc<V>>>, LoadError<ReadError<E>>>
    where
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<I, E>>,
        I: IntoIterator<Item = (K, V)>,
        E: Send + Sync + 'static,
    {
        // Never contended: the loads of one call run one after the other.
        let load = Mutex::new(&mut load);
        let pending_or_load = |keys: Vec<K>| {
            let load = &load;
            async move {
                let mut found = HashMap::with_capacity(keys.len());
                let mut missing = Vec::new();
                let pending = self.state.pending(&keys).await?;
                for (key, pending) in keys.into_iter().zip(pending) {
                    match pending {
                        Some(Pending(Some(value))) => drop(found.insert(key, value)),
                        Some(Pending(None)) => {}
                        None => missing.push(key),
                    }
                }
                if !missing.is_empty() {
                    let loading = (load.lock().unwrap_or_else(PoisonError::into_inner))(missing);
                    found.extend(loading.await.map_err(ReadError::Load)?);
                }
                Ok(found)
            }
        };
        self.values.get_many_or_load(keys, pending_or_load).await
    }
}

impl<K, V, L> Clone for WriteBehind<K, V, L> {
    fn clone(&self) -> Self {
        let (state, running) = (Arc::clone(&self.state), Arc::clone(&self.running));
        Self { values: self.values.clone(), state, running }
    }
}

impl<K, V, L> fmt::Debug for WriteBehind<K, V, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehind")
            .field("values", &self.values)
            .field("options", &self.state.options)
            .finish_non_exhaustive()
    }
}
