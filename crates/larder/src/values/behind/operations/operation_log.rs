//! A collection of operations.

use std::fmt;
use std::sync::Arc;

use larder_core::store::StoreError;
use larder_core::write_queue::{QueueStats, WriteId, WritePayload};
use serde::Serialize;
use tokio_util::sync::DropGuard;

use crate::engine::report::write_stats::WriteBehindStats;
use crate::values::behind::behind_state::{BehindState, new_write_id};
use crate::values::behind::operations::operation_form::OperationForm;
use crate::values::behind::write_error::WriteError;
use crate::values::value_key::ValueKey;

/// A collection of operations that reach the database later: increments of a counter, for example.
///
/// [`push`](Self::push) returns when the operation is durable in the queue, usually in Redis. A
/// worker brings it to the [`Sink`](crate::values::Sink). Handles are cheap to clone.
///
/// An operation is no value. It cannot be read: read the result from the database, with
/// [`Values::get_or_load`](crate::values::Values::get_or_load) for example. Each flush invalidates
/// what [`invalidates`](crate::values::OperationsBuilder::invalidates) names, so cached results are
/// never older than the last flush. Until an operation is flushed, no reader sees its effect.
///
/// # What is guaranteed
///
/// * An operation whose push returned `Ok` is not lost, as far as the
///   [durability](crate::values::WriteBehindBuilder::durability) goes. It reaches the sink at least
///   once. A sink that compares sequence numbers applies it exactly once: see
///   [`Operation`](crate::values::Operation).
/// * The operations of a key reach the sink in the order of their pushes, over all instances. If
///   one fails, the later ones of its key wait until it succeeds.
/// * An operation that the sink rejects again and again goes to the quarantine, and blocks no other
///   key. The later ones of its key are held there, in their order, until you
///   [retry](Self::retry_dead_letter) or [discard](Self::discard_dead_letter) it.
/// * After the sink has committed, the invalidation is appended, and only then the operation leaves
///   the queue. So an instance that ends in between makes a flush come again, and loses no
///   invalidation.
///
/// # The worker
///
/// Each partition of the queue has one reader at a time, on any instance, as in
/// [`WriteBehind`](crate::values::WriteBehind). Drain the queue before you change the schema, the
/// codec or the number of partitions.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder::Cache;
/// use larder::values::{FlushError, Flushed, Operation, Operations, Sink};
/// use larder::write_queue::Durability;
///
/// struct PageViews;
///
/// impl Sink<Operation<u64, u32>> for PageViews {
///     async fn flush(&self, batch: &[Operation<u64, u32>]) -> Result<Flushed, FlushError> {
///         let mut rows = 0;
///         for Operation { key, sequence, operation: views } in batch {
///             // INSERT … ON CONFLICT … SET views = page_views.views + excluded.views …
///             // rows += result.rows_affected();
///             # let _ = (key, sequence, views, &mut rows);
///         }
///         Ok(Flushed::rows(rows))
///     }
/// }
///
/// # let store = larder_testing::MemoryStore::default();
/// let cache = Cache::builder().write_queue(store.clone()).shared_store(store).build();
/// let views: Operations<u64, u32> = cache
///     .operations("views")
///     .invalidates(|page| format!("page:{page}"))
///     .sink(PageViews)
///     .durability(Durability::Memory)
///     .build()?;
/// views.push(&7, &1).await?;
/// # Ok(())
/// # }
/// ```
pub struct Operations<K, Op> {
    pub(super) state: Arc<BehindState<OperationForm<K, Op>>>,
    /// Stops the worker when the last handle is dropped.
    running: Arc<DropGuard>,
}

impl<K: ValueKey, Op: Send + Sync + 'static> Operations<K, Op> {
    pub(super) fn new(state: Arc<BehindState<OperationForm<K, Op>>>, running: DropGuard) -> Self {
        Self { state, running: Arc::new(running) }
    }

    /// Returns the name of the collection.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Returns the counters of the operations on this instance.
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

    /// Adds an operation to the queue. Returns when it is durable.
    ///
    /// # Errors
    ///
    /// Returns an error if the operation is not acknowledged. Its
    /// [`kind`](crate::values::WriteError::kind) says whether it may take effect.
    pub async fn push(&self, key: &K, operation: &Op) -> Result<(), WriteError>
    where
        K: Serialize,
    {
        self.push_with_id(new_write_id(), key, operation).await
    }

    /// Repeats a push whose effect is [unknown](crate::values::WriteErrorKind::Unknown).
    ///
    /// The id is that of the [error](crate::values::WriteError::id). An operation that is queued
    /// already is not queued again. The queue remembers ids for ten minutes.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub async fn push_with_id(&self, id: WriteId, key: &K, operation: &Op) -> Result<(), WriteError>
    where
        K: Serialize,
    {
        let pushed = self.put(id, key, operation).await;
        self.state.count(&pushed);
        pushed
    }

    async fn put(&self, id: WriteId, key: &K, operation: &Op) -> Result<(), WriteError>
    where
        K: Serialize,
    {
        let state = &*self.state;
        state.check_open()?;
        let entry = state.collection.entries().encode(key, Some(operation))?;
        let method = state.durability.method().await?;
        state.push(id, &entry, WritePayload::Operation, None).await?;
        state.wait_durable(id, &entry, method).await?;
        state.wake(state.partition_of(&entry.text));
        Ok(())
    }
}

impl<K, Op> Clone for Operations<K, Op> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), running: Arc::clone(&self.running) }
    }
}

impl<K, Op> fmt::Debug for Operations<K, Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations")
            .field("name", &self.state.name)
            .field("options", &self.state.options)
            .finish_non_exhaustive()
    }
}
