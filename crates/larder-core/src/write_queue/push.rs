//! Pushing a write.

use std::fmt;

use bytes::Bytes;

use super::partition::PartitionId;
use crate::random_id::random_id;
use crate::store::{StoreError, StoreErrorKind};

random_id! {
    /// The id of a write: a random number that distinguishes it from all others.
    ///
    /// A push that is repeated has the same id.
    WriteId
}

/// The content of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum WritePayload {
    /// The key has this value.
    Value(Bytes),
    /// The key has no value.
    Deletion,
    /// An operation on the key. It is not merged with others, and is never pending.
    Operation(Bytes),
}

impl WritePayload {
    /// Returns the encoded value or operation. A deletion has no bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Value(bytes) | Self::Operation(bytes) => bytes,
            Self::Deletion => &[],
        }
    }
}

/// The maximum size of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct QueueLimits {
    /// Number of writes in the queue, and the same number in the quarantine.
    pub entries: u64,
    /// Size of the keys and payloads in the queue in bytes, and the same size in the quarantine.
    pub bytes: u64,
}

/// A write to push.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)]
pub struct PushWrite<'a> {
    /// The partition of the key.
    pub partition: PartitionId<'a>,
    /// The key.
    pub key: &'a str,
    /// The content.
    pub payload: WritePayload,
    /// The id, which is the same if the push is repeated.
    pub id: WriteId,
    /// The size that the partition may have after the push.
    pub limits: QueueLimits,
}

/// The result of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum Pushed {
    /// The write is in the queue, under this sequence number.
    Queued(u64),
    /// The write was pushed before, under this sequence number.
    ///
    /// It may have been completed or replaced in the meantime.
    Duplicate(u64),
    /// The partition is full. The write is not queued.
    Full,
}

/// Whether a failed push may have queued the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum PushOutcome {
    /// The write was not sent or was refused. It is not queued, and never will be.
    NotQueued,
    /// The reply is missing. The write is queued by now, or it never will be.
    ///
    /// Push it again with the same id to find out.
    Unknown,
}

/// The error of a push.
#[derive(Debug, Clone)]
pub struct PushError {
    outcome: PushOutcome,
    error: StoreError,
}

impl PushError {
    /// Creates the error from that of the store.
    #[must_use]
    pub const fn new(outcome: PushOutcome, error: StoreError) -> Self {
        Self { outcome, error }
    }

    /// Returns whether the write may be queued.
    #[must_use]
    pub const fn outcome(&self) -> PushOutcome {
        self.outcome
    }

    /// Returns the kind of the store's error.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.error.kind()
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.outcome {
            PushOutcome::NotQueued => "write not queued",
            PushOutcome::Unknown => "write may be queued",
        })
    }
}

impl std::error::Error for PushError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn an_error_tells_its_outcome_and_its_source_tells_the_reason() {
        let error = StoreError::new(StoreErrorKind::Timeout, "no answer");
        let error = PushError::new(PushOutcome::Unknown, error);
        assert_eq!((error.outcome(), error.kind()), (PushOutcome::Unknown, StoreErrorKind::Timeout));
        assert_eq!(error.to_string(), "write may be queued");
        assert_eq!(error.source().unwrap().to_string(), "timeout: no answer");
        let refused = PushError::new(PushOutcome::NotQueued, StoreError::new(StoreErrorKind::Refused, ""));
        assert_eq!(refused.to_string(), "write not queued");
    }

    #[test]
    fn a_deletion_has_no_bytes() {
        let payload = Bytes::from_static(b"x");
        assert_eq!(WritePayload::Value(payload.clone()).bytes(), b"x");
        assert_eq!(WritePayload::Operation(payload).bytes(), b"x");
        assert_eq!(WritePayload::Deletion.bytes(), b"");
    }

    #[test]
    fn an_id_is_shown_in_full() {
        let id = WriteId::from_bytes([0xab; 16]);
        assert_eq!(format!("{id:?}"), "ab".repeat(16));
        assert_eq!(id.to_bytes(), [0xab; 16]);
    }
}
