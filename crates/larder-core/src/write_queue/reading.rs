//! Reading the queue, and completing what was read.

use std::time::Duration;

use super::partition::PartitionId;
use super::push::{WriteId, WritePayload};
use crate::lease::LeaseId;

/// The state of one key in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct KeyState {
    /// The value that is more recent than that of the database, if there is one.
    pub value: Option<PendingValue>,
    /// Whether the key has a dead letter.
    pub is_quarantined: bool,
}

/// A value that the database does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct PendingValue {
    /// The sequence number of the write.
    pub sequence: u64,
    /// The value, or the deletion.
    pub payload: WritePayload,
}

/// A request to read a part of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct ReadRequest<'a> {
    /// The partition to read.
    pub partition: PartitionId<'a>,
    /// The reader, which must have the right to read.
    pub reader: LeaseId,
    /// Only writes at later places are returned. `None` begins with the oldest write.
    pub after: Option<u64>,
    /// The maximum number of writes. Minimum: 1. Maximum: 10,000.
    pub max_entries: u32,
    /// The maximum size of the writes in bytes. The first write may be larger.
    pub max_bytes: u64,
}

/// The reply to a [`ReadRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum ReadReply {
    /// The next writes. There may be none.
    Batch(WriteBatch),
    /// The reader has lost the right to read.
    NotReader,
}

/// Consecutive writes of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct WriteBatch {
    /// The writes, in the order of their places.
    pub writes: Vec<QueuedWrite>,
    /// The place from which to continue. It is the request's own `after` if nothing was read.
    pub last_place: Option<u64>,
    /// Whether there are more writes.
    pub has_more: bool,
    /// The number of operations that were moved to the quarantine, behind a dead letter.
    pub held: u64,
    /// The newest of the writes, if the queue remembers its id.
    ///
    /// [`wait_durable`](super::WriteQueue::wait_durable) waits for it, and so for all of them. A
    /// write must not reach the database before it is durable: a failover could lose the entry and
    /// its id, and then a repeated push would be a second write.
    pub newest: Option<NewestWrite>,
    /// The places of entries that cannot be read.
    ///
    /// They are not writes of this version of Larder. They stay in the queue, so log them.
    pub unreadable: Vec<u64>,
}

/// The newest write of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct NewestWrite {
    /// The id.
    pub id: WriteId,
    /// The sequence number.
    pub sequence: u64,
}

/// A write in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct QueuedWrite {
    /// The place in the queue.
    pub place: u64,
    /// The sequence number, which the sink compares with that of the same key.
    pub sequence: u64,
    /// The key.
    pub key: String,
    /// The content.
    pub payload: WritePayload,
}

impl QueuedWrite {
    /// Returns the name of this write.
    #[must_use]
    pub fn to_ref(&self) -> WriteRef<'_> {
        WriteRef { place: self.place, sequence: self.sequence, key: &self.key }
    }
}

/// The name of one write in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct WriteRef<'a> {
    /// The place at which the write was read.
    pub place: u64,
    /// The sequence number.
    pub sequence: u64,
    /// The key.
    pub key: &'a str,
}

/// The result of completing writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Completed {
    /// The number of writes that were removed.
    pub removed: u64,
    /// The number of writes that were gone already: replaced, completed or in quarantine.
    pub superseded: u64,
}

/// The size of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QueueStats {
    /// Number of writes in the queue.
    pub entries: u64,
    /// Size of their keys and payloads in bytes. A queue may count writes until it has freed them.
    pub bytes: u64,
    /// Sequence number of the first write in the queue.
    pub oldest_sequence: Option<u64>,
    /// Age of the first write, by the clock of the store.
    pub oldest_age: Option<Duration>,
    /// Number of dead letters, with the operations that are held behind them.
    pub dead: u64,
    /// Size of their keys and payloads in bytes.
    pub dead_bytes: u64,
    /// The reader that has the right to read.
    pub reader: Option<LeaseId>,
}

impl QueueStats {
    /// Creates the stats of an empty partition. Set the fields that differ.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_place_and_the_sequence() {
        let write =
            QueuedWrite { place: 7, sequence: 5, key: "a".to_owned(), payload: WritePayload::Deletion };
        assert_eq!(write.to_ref(), WriteRef { place: 7, sequence: 5, key: "a" });
    }

    #[test]
    fn an_empty_partition_has_nothing() {
        let stats = QueueStats::new();
        assert_eq!((stats.entries, stats.oldest_sequence, stats.reader), (0, None, None));
    }
}
