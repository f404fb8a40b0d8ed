//! Building a write-behind collection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder_core::write_queue::{Durability, MAX_PARTITIONS, QueueLimits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::engine::config_error::{ConfigError, ConfigErrorKind};
use crate::values::behind::behind_loader::LinkLoader;
use crate::values::behind::behind_options::BehindOptions;
use crate::values::behind::behind_queue::{check_partitions, choose_queue};
use crate::values::behind::behind_state::BehindState;
use crate::values::behind::queued_collection::QueuedCollection;
use crate::values::behind::sink::{Sink, Write};
use crate::values::behind::worker::spawn_workers;
use crate::values::behind::write_behind::WriteBehind;
use crate::values::builder::ValuesBuilder;
use crate::values::codec::Codec;
use crate::values::collection_state::Collection;
use crate::values::registry::CollectionKind;
use crate::values::value_key::ValueKey;

const MIN_LEASE: Duration = Duration::from_millis(100);
const MAX_BATCH: u32 = 10_000;

/// A builder of a collection whose writes are queued. `B` is the builder of the collection.
///
/// Returned by [`ValuesBuilder::write_behind`] and
/// [`OperationsBuilder::sink`](crate::values::OperationsBuilder::sink).
#[must_use = "call `build`"]
pub struct WriteBehindBuilder<B, S> {
    pub(super) collection: B,
    pub(super) sink: S,
    pub(super) options: BehindOptions,
}

impl<K: ValueKey, V: Send + Sync + 'static, L, C> ValuesBuilder<K, V, L, C> {
    /// Makes this a write-behind collection: writes are queued, and reach the database later.
    ///
    /// A worker brings the writes to the `sink`. See [`WriteBehind`] for what is guaranteed.
    /// Set the options of the values first, and the [`loader`](Self::loader): each of its loads asks
    /// the queue first, also in the background.
    pub fn write_behind<S: Sink<Write<K, V>>>(mut self, sink: S) -> WriteBehindBuilder<Self, S> {
        self.options.kind = CollectionKind::WriteBehind;
        WriteBehindBuilder::new(self, sink)
    }
}

impl<B, S> WriteBehindBuilder<B, S> {
    pub(super) fn new(collection: B, sink: S) -> Self {
        Self { collection, sink, options: BehindOptions::default() }
    }

    /// Keeps the writes in the memory of this process until they are flushed, without Redis.
    ///
    /// This is for a service of one instance that can lose its last writes. **A crash loses every
    /// write that is not flushed**, and so does a process that ends without
    /// [`Cache::close`](crate::Cache::close). Usually these are the writes of some milliseconds, and
    /// all since the database failed if it is away. Writes in the quarantine are lost as well, even
    /// with `close`.
    ///
    /// * The cache must have no shared store and no write queue. With a shared store, other
    ///   instances would not see the pending writes. For the same reason, **only one process may
    ///   write the rows**, also during a deploy: let the old process close before the new one
    ///   begins.
    /// * `write` returns as soon as the write is in the queue. [`durability`](Self::durability) does
    ///   not apply, and is an error.
    /// * The queue is bounded by [`max_queued`](Self::max_queued) and
    ///   [`max_queued_bytes`](Self::max_queued_bytes), for each partition. If it is full, a write
    ///   fails with [`Full`](crate::values::WriteErrorKind::Full) at once. With the defaults, the keys
    ///   and values of all partitions and quarantines take at most 64 MiB.
    /// * [`Cache::close`](crate::Cache::close) refuses further writes, flushes the queue within its
    ///   [`close_timeout`](crate::CacheBuilder::close_timeout), and
    ///   [reports](crate::CloseReport::writes) how many writes are lost.
    /// * If the last handle is dropped, the worker goes on in the background until the queue is
    ///   empty, or until the cache is closed. A collection that is built again under the same name
    ///   has the same queue.
    /// * Sequence numbers come from the clock of this machine. A new process on a machine whose
    ///   clock is behind can write numbers that the sink ignores. Keep clocks synchronized.
    ///
    /// It works with [`Cache::disabled`](crate::Cache::disabled) too: writes reach the sink, and a
    /// pending value is the value.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder::Cache;
    /// use larder::values::{FlushError, Flushed, Sink, Write, WriteBehind};
    ///
    /// struct Carts;
    ///
    /// impl Sink<Write<u64, String>> for Carts {
    ///     async fn flush(&self, batch: &[Write<u64, String>]) -> Result<Flushed, FlushError> {
    ///         let mut rows = 0;
    ///         for Write { key, sequence, value } in batch {
    ///             // INSERT … ON CONFLICT … WHERE carts.seq < excluded.seq
    ///             // rows += result.rows_affected();
    ///             # let _ = (key, sequence, value);
    ///             # rows += 1;
    ///         }
    ///         Ok(Flushed::rows(rows))
    ///     }
    /// }
    ///
    /// let cache = Cache::default();
    /// let carts: WriteBehind<u64, String> =
    ///     cache.values("cart").write_behind(Carts).in_process().build()?;
    /// carts.write(&7, "cheese".to_owned()).await?;
    /// // Before the process ends:
    /// let report = cache.close().await;
    /// assert_eq!(report.writes, 0, "no write is lost");
    /// # Ok(())
    /// # }
    /// ```
    pub const fn in_process(mut self) -> Self {
        self.options.is_in_process = true;
        self
    }

    /// Sets the number of partitions of the queue.
    ///
    /// Each partition has one reader at a time, so this is the number of flushes at the same time,
    /// over all instances. It must be the same on all instances. Drain the queue before you change
    /// it. Default: 8. Minimum: 1. Maximum: 1,024.
    pub const fn partitions(mut self, count: u16) -> Self {
        self.options.partitions = count;
        self
    }

    /// Sets the number of writes that a partition may have before writes fail.
    ///
    /// The quarantine may have the same number. Default: 100,000, or 10,000 with
    /// [`in_process`](Self::in_process).
    pub const fn max_queued(mut self, entries: u64) -> Self {
        self.options.max_queued = Some(entries);
        self
    }

    /// Sets the size in bytes that a partition may have before writes fail.
    ///
    /// Writes that come together share an entry in Redis, of at most 16 KiB. A write counts until
    /// all of its entry are flushed or replaced. The quarantine may have the same size. Default:
    /// 64 MiB, or 4 MiB with [`in_process`](Self::in_process).
    pub const fn max_queued_bytes(mut self, bytes: u64) -> Self {
        self.options.max_queued_bytes = Some(bytes);
        self
    }

    /// Sets what a write waits for before it is acknowledged.
    ///
    /// A flush waits for the same, so that a failover cannot lose a write that the database has.
    ///
    /// If the settings of the store do not allow it, writes fail with the kind
    /// [`NotDurable`](crate::values::WriteErrorKind::NotDurable). The settings are read with the
    /// first write, and then every minute. Default: [`Durability::Fsync`].
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = Some(durability);
        self
    }

    /// Sets how long a write waits for the disk or the replicas.
    ///
    /// After that, it fails with the kind [`Unknown`](crate::values::WriteErrorKind::Unknown).
    /// Default: 1 s. Minimum: 1 ms.
    pub const fn durability_timeout(mut self, limit: Duration) -> Self {
        self.options.durability_timeout = Some(limit);
        self
    }

    /// Sets the maximum number of writes that the sink gets at once.
    ///
    /// Default: 500. Minimum: 1. Maximum: 10,000.
    pub const fn max_batch(mut self, writes: u32) -> Self {
        self.options.max_batch = writes;
        self
    }

    /// Sets how often the reader of a partition looks for the writes of other instances.
    ///
    /// Writes of its own instance wake it at once. Default: 500 ms. Minimum: 1 ms.
    pub const fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.poll_interval = interval;
        self
    }

    /// Sets how long an instance has the right to read a partition without renewing it.
    ///
    /// If an instance is killed, another one takes over after this time, and half of it at most.
    /// Default: 10 s. Minimum: 100 ms.
    pub const fn reader_lease(mut self, time: Duration) -> Self {
        self.options.reader_lease = time;
        self
    }

    /// Sets how long a flush may take. Then it counts as failed.
    ///
    /// Default: 30 s. Minimum: 1 ms.
    pub const fn flush_timeout(mut self, limit: Duration) -> Self {
        self.options.flush_timeout = limit;
        self
    }

    /// Sets the time before the first retry of a flush that failed. Each further one is twice that.
    ///
    /// The maximum is 30 s. Default: 100 ms. Minimum: 1 ms.
    pub const fn retry_delay(mut self, delay: Duration) -> Self {
        self.options.retry_delay = delay;
        self
    }

    /// Sets how often a write is tried before it goes to the quarantine.
    ///
    /// If several writes fail at the same time and none succeeds, the database is probably the
    /// cause, and the attempt does not count. Default: 8. Minimum: 1.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = attempts;
        self
    }
}

impl<K: ValueKey, V: Send + Sync + 'static, L, C, S> WriteBehindBuilder<ValuesBuilder<K, V, L, C>, S> {
    /// Lets a read load the value from the database if the queue cannot be asked.
    ///
    /// Such a read may return, and store, a value from before an acknowledged write, until that
    /// write is flushed. Default: such a read is an error.
    pub const fn may_lag(mut self) -> Self {
        self.options.may_lag = true;
        self
    }

    /// Sets how many bytes of its own unflushed writes an instance keeps in memory.
    ///
    /// While the queue cannot be asked, they answer the reads of this instance. If they take more,
    /// the oldest are dropped, and reads of them are errors as on other instances. With 0, nothing
    /// is kept. Default: 16 MiB.
    pub const fn max_unflushed_bytes(mut self, bytes: u64) -> Self {
        self.options.max_unflushed_bytes = bytes;
        self
    }

    /// Builds the collection, and starts its worker.
    ///
    /// # Errors
    ///
    /// Returns an error if an option is invalid, if the name is empty or taken, or outside of a
    /// Tokio runtime. The cache needs a [write queue](crate::CacheBuilder::write_queue) and a
    /// [shared store](crate::CacheBuilder::shared_store), or with
    /// [`in_process`](Self::in_process) neither of them.
    pub fn build(self) -> Result<WriteBehind<K, V, L>, ConfigError>
    where
        K: Serialize + DeserializeOwned,
        L: LinkLoader<K, V>,
        S: Sink<Write<K, V>>,
        C: Codec<V>,
    {
        let Self { mut collection, sink, options } = self;
        check(&options)?;
        let queue = choose_queue(&collection.engine, &options)?;
        let link = L::link(&mut collection.loader);
        let values = collection.build()?;
        let Collection { engine, name, .. } = &*values.collection;
        check_partitions(engine, name, &options)?;
        values.collection.write_behind.get_or_init(|| options.describe());
        let state = BehindState::new(engine, name, Arc::clone(&values.collection), queue, options);
        let (state, running) = start(state, sink);
        link.set(&state);
        Ok(WriteBehind::new(values, state, running))
    }
}

/// Starts the worker of a collection. It stops when the guard is dropped.
pub(super) fn start<C, S>(state: BehindState<C>, sink: S) -> (Arc<BehindState<C>>, DropGuard)
where
    C: QueuedCollection,
    S: Sink<C::Write>,
{
    let (state, stop) = (Arc::new(state), CancellationToken::new());
    spawn_workers(&state, sink, &stop);
    (state, stop.drop_guard())
}

/// Checks the options.
pub(super) fn check(options: &BehindOptions) -> Result<(), ConfigError> {
    let limit = |what: &str| Err(ConfigError::new(ConfigErrorKind::Limit, what));
    let QueueLimits { entries, bytes } = options.limits();
    if entries == 0 || bytes == 0 {
        return limit("queued writes 0");
    }
    if options.max_batch == 0 || options.max_attempts == 0 || options.partitions == 0 {
        return limit("batch, attempts or partitions 0");
    }
    let range = |what: String| Err(ConfigError::new(ConfigErrorKind::WriteQueue, what));
    if options.partitions > MAX_PARTITIONS || options.max_batch > MAX_BATCH {
        return range(format!("at most {MAX_PARTITIONS} partitions, and {MAX_BATCH} writes in a batch"));
    }
    let shortest = options
        .durability_timeout()
        .min(options.poll_interval)
        .min(options.flush_timeout)
        .min(options.retry_delay);
    if shortest < Duration::from_millis(1) || options.reader_lease < MIN_LEASE {
        return Err(ConfigError::new(
            ConfigErrorKind::Timeout,
            format!("a time of write-behind is under 1 ms, or a reader lease is under {MIN_LEASE:?}"),
        ));
    }
    Ok(())
}

impl<B: fmt::Debug, S> fmt::Debug for WriteBehindBuilder<B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehindBuilder")
            .field("collection", &self.collection)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
