//! The write queue of the store.

mod partition;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::MutexGuard;
use std::time::Duration;

use larder_core::lease::LeaseId;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{
    Completed, DeadLetterPage, DurabilityState, EvictionPolicy, KeyState, PartitionId, PushError,
    PushOutcome, PushWrite, Pushed, QuarantineReply, QueueStats, ReadReply, ReadRequest, RetryProgress,
    WaitReply, WaitRequest, WritePayload, WriteQueue, WriteRef,
};

use self::partition::Partition;
use super::{MemoryStore, State};

/// The queues of all collections.
#[derive(Default)]
pub(super) struct Writes {
    setups: HashMap<String, Setup>,
    partitions: HashMap<(String, u16), Partition>,
}

/// The properties of a collection that are the same for all callers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Setup {
    partitions: u16,
    has_operations: bool,
}

impl Writes {
    /// Returns the partition, if the number of partitions is that of the collection.
    fn partition(&mut self, id: PartitionId<'_>) -> Result<&mut Partition, StoreError> {
        let known = self.setups.get(id.collection).map(|setup| setup.partitions);
        if !id.is_valid() || known.is_some_and(|count| count != id.count) {
            return Err(refused());
        }
        Ok(self.partitions.entry((id.collection.to_owned(), id.number)).or_default())
    }

    fn set_up(&mut self, write: &PushWrite<'_>) -> Result<(), StoreError> {
        let has_operations = matches!(write.payload, WritePayload::Operation(_));
        let wanted = Setup { partitions: write.partition.count, has_operations };
        let there = *self.setups.entry(write.partition.collection.to_owned()).or_insert(wanted);
        if there == wanted { Ok(()) } else { Err(refused()) }
    }
}

fn refused() -> StoreError {
    StoreError::new(StoreErrorKind::Refused, "the collection has another setup")
}

impl MemoryStore {
    fn with_partition<T>(
        &self,
        id: PartitionId<'_>,
        action: impl FnOnce(&mut Partition) -> T,
    ) -> Result<T, StoreError> {
        let mut state: MutexGuard<'_, State> = self.working()?;
        state.writes.partition(id).map(action)
    }
}

impl WriteQueue for MemoryStore {
    async fn push(&self, write: PushWrite<'_>) -> Result<Pushed, PushError> {
        let not_queued = |error| PushError::new(PushOutcome::NotQueued, error);
        let mut state = self.working().map_err(not_queued)?;
        state.writes.set_up(&write).map_err(not_queued)?;
        Ok(state.writes.partition(write.partition).map_err(not_queued)?.push(write))
    }

    async fn pending(&self, partition: PartitionId<'_>, keys: &[&str]) -> Result<Vec<KeyState>, StoreError> {
        self.with_partition(partition, |partition| keys.iter().map(|key| partition.key_state(key)).collect())
    }

    async fn claim_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        self.with_partition(partition, |partition| partition.claim(reader, ttl))
    }

    async fn extend_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        self.with_partition(partition, |partition| {
            partition.is_read_by(reader) && partition.claim(reader, ttl)
        })
    }

    async fn release_reader(&self, partition: PartitionId<'_>, reader: LeaseId) -> Result<(), StoreError> {
        self.with_partition(partition, |partition| partition.release(reader))
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<ReadReply, StoreError> {
        self.with_partition(request.partition, |partition| partition.read(&request))
    }

    async fn complete(
        &self,
        partition: PartitionId<'_>,
        writes: &[WriteRef<'_>],
    ) -> Result<Completed, StoreError> {
        self.with_partition(partition, |partition| partition.complete(writes))
    }

    async fn quarantine(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        write: WriteRef<'_>,
        error: &str,
    ) -> Result<QuarantineReply, StoreError> {
        self.with_partition(partition, |partition| {
            if partition.is_read_by(reader) {
                partition.quarantine(write, error)
            } else {
                QuarantineReply::NotReader
            }
        })
    }

    async fn dead_letters(
        &self,
        partition: PartitionId<'_>,
        after: Option<u64>,
        count: u32,
    ) -> Result<DeadLetterPage, StoreError> {
        self.with_partition(partition, |partition| partition.dead_letters(after, count))
    }

    async fn retry_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
    ) -> Result<RetryProgress, StoreError> {
        self.with_partition(partition, |partition| partition.retry(key))
    }

    async fn discard_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
        sequence: u64,
    ) -> Result<bool, StoreError> {
        self.with_partition(partition, |partition| partition.discard(key, sequence))
    }

    async fn queue_stats(&self, partition: PartitionId<'_>) -> Result<QueueStats, StoreError> {
        self.with_partition(partition, |partition| partition.stats())
    }

    /// Returns the state of a store that loses everything in a crash.
    async fn durability(&self) -> Result<DurabilityState, StoreError> {
        drop(self.working()?);
        Ok(DurabilityState {
            append_only: Some(false),
            replicas: Some(0),
            eviction: Some(EvictionPolicy::Nothing),
            has_wait_aof: Some(false),
            ..DurabilityState::default()
        })
    }

    async fn wait_durable(&self, request: WaitRequest<'_>) -> Result<WaitReply, StoreError> {
        self.with_partition(request.partition, |partition| partition.wait(request.id))
    }
}
