//! The quarantine of a write-behind collection.

use larder_core::store::StoreError;
use serde::de::DeserializeOwned;

use crate::engine::invalidation_log::invalidation::InvalidationOutcome;
use crate::values::behind::quarantine::DeadWrite;
use crate::values::behind::sink::Write;
use crate::values::behind::write_behind::WriteBehind;
use crate::values::value_key::ValueKey;

/// The quarantine.
impl<K: ValueKey + DeserializeOwned, V: Send + Sync + 'static, L> WriteBehind<K, V, L> {
    /// Returns the writes in the quarantine, at most about `limit` of them.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadWrite<Write<K, V>>>, StoreError> {
        self.state.dead_letters(limit).await
    }

    /// Moves a write from the quarantine back to the queue, with its sequence number.
    ///
    /// Returns whether it was there.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked. Call this again then.
    pub async fn retry_dead_letter(&self, letter: &DeadWrite<Write<K, V>>) -> Result<bool, StoreError> {
        self.state.retry_dead_letters(&letter.key_text).await
    }

    /// Drops a write in the quarantine, and invalidates its key.
    ///
    /// The database has the value from then on. Returns `None` if the write was not there: it was
    /// retried, or replaced by a later write.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked. Call this again then.
    pub async fn discard_dead_letter(
        &self,
        letter: &DeadWrite<Write<K, V>>,
    ) -> Result<Option<InvalidationOutcome>, StoreError> {
        self.state.discard_dead_letter(letter).await
    }
}
