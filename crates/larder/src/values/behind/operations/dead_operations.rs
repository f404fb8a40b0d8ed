//! The quarantine of a collection of operations.

use larder_core::store::StoreError;
use serde::de::DeserializeOwned;

use crate::engine::invalidation_log::invalidation::InvalidationOutcome;
use crate::values::behind::operations::operation::Operation;
use crate::values::behind::operations::operation_log::Operations;
use crate::values::behind::quarantine::DeadWrite;
use crate::values::value_key::ValueKey;

/// The quarantine.
impl<K: ValueKey + DeserializeOwned, Op: Send + Sync + 'static> Operations<K, Op> {
    /// Returns the first operation of each key in the quarantine, at most about `limit` of them.
    ///
    /// [`DeadWrite::held`] is the number of later operations of the key, which wait for this one.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadWrite<Operation<K, Op>>>, StoreError> {
        self.state.dead_letters(limit).await
    }

    /// Moves the operations of a key from the quarantine back to the queue, in their order.
    ///
    /// Returns whether there were any. They keep their sequence numbers: if the sink has committed
    /// one of them already, it is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked. Call this again then.
    pub async fn retry_dead_letter(&self, letter: &DeadWrite<Operation<K, Op>>) -> Result<bool, StoreError> {
        self.state.retry_dead_letters(&letter.key_text).await
    }

    /// Drops an operation in the quarantine. The later ones of its key go back to the queue.
    ///
    /// It also invalidates what a flush invalidates, because a flush that failed may have been
    /// committed. Returns `None` if the operation was not there.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked. Call this again then. If it returns `None`,
    /// the operation is dropped, but later ones may still be in the quarantine:
    /// [`dead_letters`](Self::dead_letters) returns them.
    pub async fn discard_dead_letter(
        &self,
        letter: &DeadWrite<Operation<K, Op>>,
    ) -> Result<Option<InvalidationOutcome>, StoreError> {
        self.state.discard_dead_letter(letter).await
    }
}
