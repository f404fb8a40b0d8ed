//! The write queue of the store.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use larder_core::lease::LeaseId;
use larder_core::store::StoreError;
use larder_core::time::BootTime;
use larder_core::write_queue::{
    Completed, DeadLetterPage, DurabilityState, KeyState, MemoryQueue, PartitionId, PushError, PushOutcome,
    PushWrite, Pushed, QuarantineReply, QueueStats, QueueTime, ReadReply, ReadRequest, RetryProgress,
    WaitReply, WaitRequest, WriteQueue, WriteRef,
};
use tokio::time::Instant;

use super::MemoryStore;

/// The queues of all collections, with Tokio's clock.
pub(super) struct Writes {
    queue: MemoryQueue,
    start: Instant,
}

impl Default for Writes {
    fn default() -> Self {
        Self { queue: MemoryQueue::new(), start: Instant::now() }
    }
}

impl Writes {
    fn now(&self) -> QueueTime {
        let boot = BootTime::ZERO.saturating_add(self.start.elapsed());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        QueueTime { unix_micros: u64::try_from(since.as_micros()).unwrap_or(u64::MAX), boot }
    }
}

impl MemoryStore {
    fn with_queue<T>(
        &self,
        action: impl FnOnce(&mut MemoryQueue, QueueTime) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.working()?;
        let now = state.writes.now();
        action(&mut state.writes.queue, now)
    }
}

impl WriteQueue for MemoryStore {
    async fn push(&self, write: PushWrite<'_>) -> Result<Pushed, PushError> {
        let pushed = self.with_queue(|queue, now| queue.push(write, now));
        pushed.map_err(|error| PushError::new(PushOutcome::NotQueued, error))
    }

    async fn pending(&self, partition: PartitionId<'_>, keys: &[&str]) -> Result<Vec<KeyState>, StoreError> {
        self.with_queue(|queue, _| queue.pending(partition, keys))
    }

    async fn claim_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        self.with_queue(|queue, now| queue.claim_reader(partition, reader, ttl, now))
    }

    async fn extend_reader(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        self.with_queue(|queue, now| queue.extend_reader(partition, reader, ttl, now))
    }

    async fn release_reader(&self, partition: PartitionId<'_>, reader: LeaseId) -> Result<(), StoreError> {
        self.with_queue(|queue, _| queue.release_reader(partition, reader))
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<ReadReply, StoreError> {
        self.with_queue(|queue, now| queue.read(&request, now))
    }

    async fn complete(
        &self,
        partition: PartitionId<'_>,
        writes: &[WriteRef<'_>],
    ) -> Result<Completed, StoreError> {
        self.with_queue(|queue, _| queue.complete(partition, writes))
    }

    async fn quarantine(
        &self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        write: WriteRef<'_>,
        error: &str,
    ) -> Result<QuarantineReply, StoreError> {
        self.with_queue(|queue, now| queue.quarantine(partition, reader, write, error, now))
    }

    async fn dead_letters(
        &self,
        partition: PartitionId<'_>,
        after: Option<u64>,
        count: u32,
    ) -> Result<DeadLetterPage, StoreError> {
        self.with_queue(|queue, _| queue.dead_letters(partition, after, count))
    }

    async fn retry_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
    ) -> Result<RetryProgress, StoreError> {
        self.with_queue(|queue, now| queue.retry_dead_letter(partition, key, now))
    }

    async fn discard_dead_letter(
        &self,
        partition: PartitionId<'_>,
        key: &str,
        sequence: u64,
    ) -> Result<bool, StoreError> {
        self.with_queue(|queue, _| queue.discard_dead_letter(partition, key, sequence))
    }

    async fn queue_stats(&self, partition: PartitionId<'_>) -> Result<QueueStats, StoreError> {
        self.with_queue(|queue, now| queue.stats(partition, now))
    }

    /// Returns the state of a store that loses everything in a crash.
    async fn durability(&self) -> Result<DurabilityState, StoreError> {
        self.with_queue(|_, _| Ok(MemoryQueue::durability()))
    }

    async fn wait_durable(&self, request: WaitRequest<'_>) -> Result<WaitReply, StoreError> {
        self.with_queue(|queue, _| queue.wait_durable(request.partition, request.id, request.sequence))
    }
}
