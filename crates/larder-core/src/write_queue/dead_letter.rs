//! Writes in quarantine.

use super::push::WritePayload;

/// The reply to a request for quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum QuarantineReply {
    /// The write is in quarantine.
    Moved,
    /// The write is no longer in the queue: it was replaced or completed.
    Gone,
    /// The reader has lost the right to read. Nothing was moved.
    NotReader,
}

/// A key in quarantine, with its oldest dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct DeadLetter {
    /// The key.
    pub key: String,
    /// The sequence number of the write.
    pub sequence: u64,
    /// The content of the write.
    pub payload: WritePayload,
    /// The error of the sink. It is empty for an operation that is held behind a dead letter.
    pub error: String,
    /// The number of further operations of the key in quarantine.
    pub waiting: u64,
}

/// A page of the keys in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct DeadLetterPage {
    /// The keys, in the order of their oldest dead letter.
    pub letters: Vec<DeadLetter>,
    /// The start of the next page. `None` if there is no further page.
    pub next: Option<u64>,
}

/// The progress of a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct RetryProgress {
    /// The number of writes that this call moved back to the queue.
    pub moved: u64,
    /// Whether the key has left the quarantine.
    pub is_done: bool,
}
