//! A write queue in memory, as a state machine: no clock and no I/O.
//!
//! | file | what it does |
//! | --- | --- |
//! | `partition_writes.rs` | the writes of one partition, in order |
//! | `dead_writes.rs` | its quarantine |
//! | `recent_ids.rs` | the ids by which a repeated write is recognized |
//! | `write_size.rs` | what counts for the limits |
//! | `shared_access.rs` | a queue that several tasks share |

mod dead_writes;
mod partition_writes;
mod recent_ids;
mod shared_access;
#[cfg(test)]
mod tests;
mod write_size;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use self::partition_writes::Partition;
pub use self::shared_access::MemoryQueueAccess;
use super::dead_letter::{DeadLetterPage, QuarantineReply, RetryProgress};
use super::durability::{DurabilityState, EvictionPolicy, WaitReply};
use super::partition::PartitionId;
use super::push::{PushWrite, Pushed, WriteId, WritePayload};
use super::reading::{Completed, KeyState, QueueStats, ReadReply, ReadRequest, WriteRef};
use crate::lease::LeaseId;
use crate::store::{StoreError, StoreErrorKind};
use crate::time::BootTime;

/// A write queue in memory, which is lost with its process.
///
/// Its methods are those of [`WriteQueue`](super::WriteQueue), with the time as an argument. They
/// return an error if the number of partitions or the kind of the writes is not that of the first
/// call for the collection. [`MemoryQueueAccess`] makes it a `WriteQueue`.
///
/// Sequence numbers are microseconds since 1970, by the calendar time of the push. So they grow
/// over restarts of the process, unless its clock is set back.
///
/// # Examples
///
/// ```
/// use larder_core::store::StoreError;
/// use larder_core::write_queue::{
///     MemoryQueue, PartitionId, PushWrite, Pushed, QueueLimits, QueueTime, WriteId, WritePayload,
/// };
///
/// # fn main() -> Result<(), StoreError> {
/// let (mut queue, now) = (MemoryQueue::default(), QueueTime::default());
/// let write = PushWrite {
///     partition: PartitionId::of_key("cart", 8, "7"),
///     key: "7",
///     payload: WritePayload::Value("cheese".into()),
///     id: WriteId::from_bytes([1; 16]),
///     limits: QueueLimits { entries: 100, bytes: 10_000 },
/// };
/// assert_eq!(queue.push(write.clone(), now)?, Pushed::Queued(1));
/// assert_eq!(queue.push(write, now)?, Pushed::Duplicate(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryQueue {
    collections: HashMap<String, Collection>,
}

/// The time of a call to a [`MemoryQueue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct QueueTime {
    /// The calendar time in microseconds since 1970, which sequence numbers are made of.
    pub unix_micros: u64,
    /// The moment that decides whether a reader still has its right.
    pub boot: BootTime,
}

/// The partitions of a collection.
#[derive(Debug)]
struct Collection {
    count: u16,
    /// The kind of the writes, once there was one.
    has_operations: Option<bool>,
    partitions: BTreeMap<u16, Partition>,
}

impl MemoryQueue {
    /// Creates an empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Pushes a write: see [`WriteQueue::push`](super::WriteQueue::push).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup. Nothing is queued then.
    pub fn push(&mut self, write: PushWrite<'_>, now: QueueTime) -> Result<Pushed, StoreError> {
        let is_operation = matches!(write.payload, WritePayload::Operation(_));
        let collection = self.collection(write.partition)?;
        if *collection.has_operations.get_or_insert(is_operation) != is_operation {
            return Err(other_setup());
        }
        Ok(collection.partition(write.partition).push(write, now))
    }

    /// Returns the state of each key: see [`WriteQueue::pending`](super::WriteQueue::pending).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn pending(
        &mut self,
        partition: PartitionId<'_>,
        keys: &[&str],
    ) -> Result<Vec<KeyState>, StoreError> {
        let partition = self.partition(partition)?;
        Ok(keys.iter().map(|key| partition.key_state(key)).collect())
    }

    /// Claims the right to read: see [`WriteQueue::claim_reader`](super::WriteQueue::claim_reader).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn claim_reader(
        &mut self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
        now: QueueTime,
    ) -> Result<bool, StoreError> {
        Ok(self.partition(partition)?.claim(reader, ttl, now.boot))
    }

    /// Extends the right to read: see
    /// [`WriteQueue::extend_reader`](super::WriteQueue::extend_reader).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn extend_reader(
        &mut self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        ttl: Duration,
        now: QueueTime,
    ) -> Result<bool, StoreError> {
        let partition = self.partition(partition)?;
        Ok(partition.is_read_by(reader, now.boot) && partition.claim(reader, ttl, now.boot))
    }

    /// Gives up the right to read: see
    /// [`WriteQueue::release_reader`](super::WriteQueue::release_reader).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn release_reader(&mut self, partition: PartitionId<'_>, reader: LeaseId) -> Result<(), StoreError> {
        self.partition(partition)?.release(reader);
        Ok(())
    }

    /// Reads the next writes: see [`WriteQueue::read`](super::WriteQueue::read).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn read(&mut self, request: &ReadRequest<'_>, now: QueueTime) -> Result<ReadReply, StoreError> {
        let partition = self.partition(request.partition)?;
        if !partition.is_read_by(request.reader, now.boot) {
            return Ok(ReadReply::NotReader);
        }
        Ok(ReadReply::Batch(partition.read(request)))
    }

    /// Removes writes: see [`WriteQueue::complete`](super::WriteQueue::complete).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn complete(
        &mut self,
        partition: PartitionId<'_>,
        writes: &[WriteRef<'_>],
    ) -> Result<Completed, StoreError> {
        Ok(self.partition(partition)?.complete(writes))
    }

    /// Moves a write to the quarantine: see [`WriteQueue::quarantine`](super::WriteQueue::quarantine).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn quarantine(
        &mut self,
        partition: PartitionId<'_>,
        reader: LeaseId,
        write: WriteRef<'_>,
        error: &str,
        now: QueueTime,
    ) -> Result<QuarantineReply, StoreError> {
        let partition = self.partition(partition)?;
        if !partition.is_read_by(reader, now.boot) {
            return Ok(QuarantineReply::NotReader);
        }
        Ok(partition.quarantine(write, error))
    }

    /// Lists the quarantine: see [`WriteQueue::dead_letters`](super::WriteQueue::dead_letters).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn dead_letters(
        &mut self,
        partition: PartitionId<'_>,
        after: Option<u64>,
        count: u32,
    ) -> Result<DeadLetterPage, StoreError> {
        Ok(self.partition(partition)?.dead_letters(after, count))
    }

    /// Moves dead letters back: see
    /// [`WriteQueue::retry_dead_letter`](super::WriteQueue::retry_dead_letter).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn retry_dead_letter(
        &mut self,
        partition: PartitionId<'_>,
        key: &str,
        now: QueueTime,
    ) -> Result<RetryProgress, StoreError> {
        Ok(self.partition(partition)?.retry(key, now.unix_micros))
    }

    /// Drops a dead letter: see
    /// [`WriteQueue::discard_dead_letter`](super::WriteQueue::discard_dead_letter).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn discard_dead_letter(
        &mut self,
        partition: PartitionId<'_>,
        key: &str,
        sequence: u64,
    ) -> Result<bool, StoreError> {
        Ok(self.partition(partition)?.discard(key, sequence))
    }

    /// Returns the size of a partition: see [`WriteQueue::queue_stats`](super::WriteQueue::queue_stats).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn stats(&mut self, partition: PartitionId<'_>, now: QueueTime) -> Result<QueueStats, StoreError> {
        Ok(self.partition(partition)?.stats(now))
    }

    /// Returns whether a write is known: see [`WriteQueue::wait_durable`](super::WriteQueue::wait_durable).
    ///
    /// # Errors
    ///
    /// Returns an error if the collection has another setup.
    pub fn wait_durable(
        &mut self,
        partition: PartitionId<'_>,
        id: WriteId,
        sequence: Option<u64>,
    ) -> Result<WaitReply, StoreError> {
        let is_known = self.partition(partition)?.is_known(id, sequence);
        Ok(if is_known { WaitReply::Durable } else { WaitReply::Lost })
    }

    /// Returns the durability of a queue that is lost with its process.
    #[must_use]
    pub fn durability() -> DurabilityState {
        DurabilityState {
            append_only: Some(false),
            replicas: Some(0),
            eviction: Some(EvictionPolicy::Nothing),
            has_wait_aof: Some(false),
            ..DurabilityState::default()
        }
    }

    /// Returns the number of writes of each collection, in the queue and in the quarantine.
    ///
    /// A collection without writes is left out.
    #[must_use]
    pub fn unfinished(&self) -> BTreeMap<&str, u64> {
        let sizes = self.collections.iter().map(|(name, collection)| {
            (name.as_str(), collection.partitions.values().map(Partition::unfinished).sum())
        });
        sizes.filter(|(_, writes)| *writes > 0).collect()
    }

    fn partition(&mut self, id: PartitionId<'_>) -> Result<&mut Partition, StoreError> {
        Ok(self.collection(id)?.partition(id))
    }

    /// Returns the collection, if the number of partitions is the one that it has.
    fn collection(&mut self, id: PartitionId<'_>) -> Result<&mut Collection, StoreError> {
        if !id.is_valid() {
            return Err(other_setup());
        }
        if !self.collections.contains_key(id.collection) {
            let collection =
                Collection { count: id.count, has_operations: None, partitions: BTreeMap::new() };
            self.collections.insert(id.collection.to_owned(), collection);
        }
        let collection = self.collections.get_mut(id.collection);
        collection.filter(|collection| collection.count == id.count).ok_or_else(other_setup)
    }
}

impl Collection {
    fn partition(&mut self, id: PartitionId<'_>) -> &mut Partition {
        self.partitions.entry(id.number).or_default()
    }
}

fn other_setup() -> StoreError {
    StoreError::new(StoreErrorKind::Refused, "the collection has another setup")
}
