//! The record of the switches that an operator has set for all instances.

use bytes::Bytes;

/// The switches of all instances, as one record of the store.
///
/// A store keeps it unread: only `larder` interprets the data. The record is small.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A store has to keep all of it.
pub struct SwitchRecord {
    /// The version of the record. Each change of it has a version of its own.
    pub version: u64,
    /// The switches in the form of `larder`, of at most [`MAX_BYTES`](Self::MAX_BYTES).
    pub data: Bytes,
}

impl SwitchRecord {
    /// The maximum size of the data in bytes: 64 KiB. A reader ignores a larger record.
    pub const MAX_BYTES: usize = 64 * 1024;
}
