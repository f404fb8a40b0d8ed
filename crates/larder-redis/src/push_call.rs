//! A write on its way into the queue, and what becomes of it.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::store::StoreError;
use larder_core::write_queue::{LogFollower, LoggedPush, PushError, PushOutcome, WriteId};

use crate::push_partition::PushPartition;

/// A write that waits for its batch.
pub(crate) struct PushCall {
    pub(crate) partition: Arc<PushPartition>,
    pub(crate) key: Box<str>,
    /// The letter for the kind of the payload.
    pub(crate) kind: char,
    pub(crate) payload: Bytes,
    pub(crate) id: WriteId,
    /// Follows the log to which the event of the key is appended with the push, if it is.
    pub(crate) follower: Option<Arc<dyn LogFollower>>,
}

impl PushCall {
    /// Returns the size of its key and its payload.
    pub(crate) fn size(&self) -> usize {
        self.key.len() + self.payload.len()
    }
}

pub(crate) type PushResult = Result<LoggedPush, PushError>;

/// Returns the error of a push that certainly has no effect.
pub(crate) fn not_queued(error: StoreError) -> PushError {
    PushError::new(PushOutcome::NotQueued, error)
}
