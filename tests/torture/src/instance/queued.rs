//! The collections whose writes are queued, and their sink.

use std::sync::Arc;
use std::time::Duration;

use larder::values::{
    FlushError, Flushed, Operation, Operations, Sink, Values, Write, WriteBehind, WriteBehindBuilder,
};
use larder::write_queue::{Durability, QueueStats};
use larder::{Cache, ConfigError, Invalidation};

use super::broken::Rule;
use super::collections::Version;
use super::routes::SHORT;
use crate::database::{Fence, Row};
use crate::item::{Family, Item};
use crate::reference_model::ReferenceClient;

/// Shorter than most stalls of an instance, so that another one takes over meanwhile.
const READER_LEASE: Duration = Duration::from_secs(1);
/// So few that flushes are large and often under way.
const PARTITIONS: u16 = 3;
/// Fewer than the keys of a partition, so that the queue is full when no reader comes.
const MAX_VALUES: u64 = 5;
const MAX_OPERATIONS: u64 = 30;
/// The longest time from when a sink has its batch until it commits.
const MAX_PREPARATION: Duration = Duration::from_millis(100);

/// The collections, which only a run with a queue has.
#[derive(Debug, Clone)]
pub(super) struct QueuedCollections {
    pub(super) values: WriteBehind<usize, Version>,
    /// An operation is the number of its write.
    pub(super) operations: Operations<usize, u64>,
    /// The result of the operations, as the database has it.
    pub(super) results: Values<usize, Version>,
}

impl QueuedCollections {
    pub(super) fn build(
        cache: &Cache,
        durability: Durability,
        database: ReferenceClient,
        breaks: Option<Rule>,
    ) -> Result<Self, ConfigError> {
        let fence = if breaks == Some(Rule::NoFence) { Fence::Missing } else { Fence::Compares };
        let database = Database { client: Arc::new(database), fence };
        let values = cache.values(Family::WriteBehind.as_str()).ttl(SHORT).write_behind(database.clone());
        let results: Values<usize, Version> = cache.values("results").build()?;
        let shown = results.clone();
        let operations = cache.operations(Family::Operations.as_str());
        let operations = operations.invalidates(move |id| Invalidation::from(shown.selector(id)));
        Ok(Self {
            values: options(values, durability).max_queued(MAX_VALUES).build()?,
            operations: options(operations.sink(database), durability).max_queued(MAX_OPERATIONS).build()?,
            results,
        })
    }

    /// Returns the size of every partition.
    pub(super) async fn sizes(&self) -> Option<Vec<QueueStats>> {
        let mut sizes = self.values.queue_stats().await.ok()?;
        sizes.extend(self.operations.queue_stats().await.ok()?);
        Some(sizes)
    }
}

fn options<B, S>(queued: WriteBehindBuilder<B, S>, durability: Durability) -> WriteBehindBuilder<B, S> {
    queued
        .durability(durability)
        .partitions(PARTITIONS)
        .reader_lease(READER_LEASE)
        .poll_interval(Duration::from_millis(100))
        .retry_delay(Duration::from_millis(20))
        .flush_timeout(Duration::from_secs(5))
}

/// The sink, which writes to the database in the driver.
#[derive(Debug, Clone)]
struct Database {
    client: Arc<ReferenceClient>,
    fence: Fence,
}

impl Sink<Write<usize, Version>> for Database {
    async fn flush(&self, batch: &[Write<usize, Version>]) -> Result<Flushed, FlushError> {
        let row = |Write { key, sequence, value }: &Write<usize, Version>| {
            let item = Item { family: Family::WriteBehind, id: *key };
            Some(Row { item, sequence: *sequence, number: value.as_ref()?.version })
        };
        let rows = batch.iter().map(row).collect::<Option<Vec<_>>>();
        self.commit(&rows.ok_or_else(|| FlushError::new("a write without its value"))?).await
    }
}

impl Sink<Operation<usize, u64>> for Database {
    async fn flush(&self, batch: &[Operation<usize, u64>]) -> Result<Flushed, FlushError> {
        let row = |Operation { key, sequence, operation }: &Operation<usize, u64>| {
            let item = Item { family: Family::Operations, id: *key };
            Row { item, sequence: *sequence, number: *operation }
        };
        self.commit(&batch.iter().map(row).collect::<Vec<_>>()).await
    }
}

impl Database {
    async fn commit(&self, rows: &[Row]) -> Result<Flushed, FlushError> {
        // An instance that stalls here commits an old batch when it comes back.
        let micros = u64::try_from(MAX_PREPARATION.as_micros()).unwrap_or(u64::MAX);
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..micros))).await;
        match self.client.flush(rows, self.fence).await {
            Ok(rows) => Ok(Flushed::rows(rows)),
            Err(failure) if failure.is_unavailable => Err(FlushError::unavailable("no connection")),
            Err(_) => Err(FlushError::new("rejected")),
        }
    }
}
