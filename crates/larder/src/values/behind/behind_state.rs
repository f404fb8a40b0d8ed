//! The parts of a collection whose writes are queued, shared by its handles and its worker.

use std::sync::Arc;

use larder_core::store::StoreError;
use larder_core::write_queue::{LogFollower, PartitionId, QueueStats, WriteId};
use tokio::sync::Notify;

use crate::engine::invalidate::logged_push::follower_for;
use crate::engine::queue::Queue;
use crate::engine::report::write_counters::WriteCounters;
use crate::engine::report::write_stats::WriteEvent;
use crate::engine::shared::Engine;
use crate::values::behind::behind_options::BehindOptions;
use crate::values::behind::durability_check::DurabilityCheck;
use crate::values::behind::own_writes::OwnWrites;
use crate::values::behind::write_error::WriteError;

/// The parts of one collection, `C`, whose writes are queued.
pub(super) struct BehindState<C> {
    pub(super) engine: Arc<Engine>,
    pub(super) name: Box<str>,
    pub(super) collection: Arc<C>,
    pub(super) queue: Arc<dyn Queue>,
    /// Follows the log for the pushes of values, if the queue and the log are in one store.
    pub(super) follower: Option<Arc<dyn LogFollower>>,
    pub(super) options: BehindOptions,
    pub(super) counters: Arc<WriteCounters>,
    pub(super) own_writes: OwnWrites,
    /// Wakes the reader of each partition.
    pub(super) wake: Vec<Notify>,
    pub(super) durability: DurabilityCheck,
}

impl<C> BehindState<C> {
    pub(super) fn new(
        engine: &Arc<Engine>,
        name: &str,
        collection: Arc<C>,
        queue: Arc<dyn Queue>,
        options: BehindOptions,
    ) -> Self {
        let durability = DurabilityCheck::new(engine, &queue, name, options.durability());
        Self {
            engine: Arc::clone(engine),
            name: name.into(),
            collection,
            follower: follower_for(engine, &*queue),
            queue,
            options,
            counters: engine.report.writes.counters_of(name),
            own_writes: OwnWrites::new(options.max_unflushed_bytes),
            wake: (0..options.partitions).map(|_| Notify::new()).collect(),
            durability,
        }
    }

    /// Counts a write, by its result.
    pub(super) fn count(&self, written: &Result<(), WriteError>) {
        self.counters.record(match written {
            Ok(()) => WriteEvent::Queued,
            Err(error) => WriteEvent::Refused(error.kind().as_str()),
        });
    }

    /// Returns the partition of a key, which is given by its text.
    pub(super) fn partition_of(&self, text: &str) -> PartitionId<'_> {
        let number = PartitionId::of_key("", self.options.partitions, text).number;
        self.partition(number)
    }

    pub(super) fn partition(&self, number: u16) -> PartitionId<'_> {
        PartitionId { collection: &self.name, number, count: self.options.partitions }
    }

    pub(super) fn wake(&self, partition: PartitionId<'_>) {
        if let Some(reader) = self.wake.get(usize::from(partition.number)) {
            reader.notify_one();
        }
    }

    /// Returns the size of each partition of the queue.
    pub(super) async fn queue_stats(&self) -> Result<Vec<QueueStats>, StoreError> {
        let mut all = Vec::with_capacity(usize::from(self.options.partitions));
        for number in 0..self.options.partitions {
            all.push(self.queue.queue_stats(self.partition(number)).await?);
        }
        Ok(all)
    }
}

/// Returns a random id for a write.
pub(super) fn new_write_id() -> WriteId {
    WriteId::from_bytes(fastrand::u128(..).to_be_bytes())
}
