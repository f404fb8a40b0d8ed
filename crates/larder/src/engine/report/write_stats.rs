//! The counters of queued writes, as numbers.

use std::time::Duration;

use serde::Serialize;

use crate::engine::serialize::seconds;

/// Counters of the writes of a collection on this instance, since it was built.
///
/// The last five describe the partitions of the queue that this instance reads, as they were within
/// the last five seconds. So the sum over all instances is the whole queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct WriteBehindStats {
    /// Number of writes that were acknowledged.
    pub queued: u64,
    /// Number of writes that were not acknowledged.
    pub refused: u64,
    /// Number of writes that this instance brought to the database and removed from the queue.
    pub flushed: u64,
    /// Number of writes that the database ignored.
    ///
    /// It had the same write or a later one: a flush was repeated, or an instance was paused.
    pub ignored: u64,
    /// Number of flushes that failed, of a batch or of one write.
    pub failed: u64,
    /// Number of writes that this instance moved to the quarantine.
    pub quarantined: u64,
    /// Number of partitions that this instance reads.
    pub partitions: u64,
    /// Number of writes in the queue.
    pub pending: u64,
    /// Size of their keys and payloads in bytes.
    pub pending_bytes: u64,
    /// Age of the oldest write in the queue, or zero without one.
    #[serde(rename = "oldest_seconds", serialize_with = "seconds")]
    pub oldest_age: Duration,
    /// Number of writes in the quarantine.
    pub dead: u64,
}

/// An event of a write, or of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteEvent {
    Queued,
    /// Why the write was not acknowledged.
    Refused(&'static str),
    Flushed(u64),
    Ignored(u64),
    /// A flush failed.
    Failed,
    Quarantined,
}
