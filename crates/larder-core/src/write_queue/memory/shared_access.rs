//! A memory queue that several tasks share, as a [`WriteQueue`].

use std::time::Duration;

use super::{MemoryQueue, QueueTime};
use crate::lease::LeaseId;
use crate::store::StoreError;
use crate::write_queue::WriteQueue;
use crate::write_queue::dead_letter::{DeadLetterPage, QuarantineReply, RetryProgress};
use crate::write_queue::durability::{DurabilityState, WaitReply, WaitRequest};
use crate::write_queue::partition::PartitionId;
use crate::write_queue::push::{PushError, PushOutcome, PushWrite, Pushed};
use crate::write_queue::reading::{Completed, KeyState, QueueStats, ReadReply, ReadRequest, WriteRef};

/// Access to a [`MemoryQueue`] that several tasks share, with its lock and its clock.
///
/// A type with this access is a [`WriteQueue`].
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
///
/// use larder_core::store::{StoreError, StoreErrorKind};
/// use larder_core::write_queue::{MemoryQueue, MemoryQueueAccess, QueueTime, WriteQueue};
///
/// #[derive(Default)]
/// struct Local(Mutex<MemoryQueue>);
///
/// impl MemoryQueueAccess for Local {
///     fn with_queue<T>(
///         &self,
///         action: impl FnOnce(&mut MemoryQueue, QueueTime) -> Result<T, StoreError>,
///     ) -> Result<T, StoreError> {
///         let poisoned = |_| StoreError::new(StoreErrorKind::Refused, "the lock is poisoned");
///         // A real queue has a clock.
///         action(&mut *self.0.lock().map_err(poisoned)?, QueueTime::default())
///     }
/// }
///
/// fn is_write_queue(_: impl WriteQueue) {}
/// is_write_queue(Local::default());
/// ```
pub trait MemoryQueueAccess: Send + Sync + 'static {
    /// Runs `action` with the queue and the present time.
    ///
    /// # Errors
    ///
    /// Returns the error of `action`, or another one if the queue cannot be used.
    fn with_queue<T>(
        &self,
        action: impl FnOnce(&mut MemoryQueue, QueueTime) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>;

    /// Runs an `action` that adds writes to the queue: a push, or the retry of a dead letter.
    ///
    /// A queue that is closed returns an error here. Default: [`with_queue`](Self::with_queue).
    ///
    /// # Errors
    ///
    /// Returns the error of `action`, or another one if the queue cannot be used or takes no
    /// writes.
    fn with_open_queue<T>(
        &self,
        action: impl FnOnce(&mut MemoryQueue, QueueTime) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with_queue(action)
    }
}

// For a type that is no write queue, the compiler says so, and not that it has no memory queue.
#[diagnostic::do_not_recommend]
impl<A: MemoryQueueAccess> WriteQueue for A {
    async fn push(&self, write: PushWrite<'_>) -> Result<Pushed, PushError> {
        let pushed = self.with_open_queue(|queue, now| queue.push(write, now));
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
        self.with_open_queue(|queue, now| queue.retry_dead_letter(partition, key, now))
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

    async fn durability(&self) -> Result<DurabilityState, StoreError> {
        self.with_queue(|_, _| Ok(MemoryQueue::durability()))
    }

    async fn wait_durable(&self, request: WaitRequest<'_>) -> Result<WaitReply, StoreError> {
        self.with_queue(|queue, _| queue.wait_durable(request.partition, request.id, request.sequence))
    }
}
