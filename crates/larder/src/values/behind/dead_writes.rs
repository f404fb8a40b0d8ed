//! The quarantine of a write-behind collection.

use larder_core::store::StoreError;
use larder_core::write_queue::WritePayload;
use serde::de::DeserializeOwned;

use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::InvalidationOutcome;
use crate::values::behind::queue_entry::decode;
use crate::values::behind::write_behind::WriteBehind;
use crate::values::value_key::ValueKey;

/// The number of keys that are read at once.
const PAGE: u32 = 100;

/// A write in the quarantine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadWrite<K, V> {
    /// The key and the value, or `None` for a deletion. `None` if they cannot be decoded.
    pub write: Option<(K, Option<V>)>,
    /// The text of the key, as log messages have it.
    pub key_text: String,
    /// The sequence number of the write.
    pub sequence: u64,
    /// The error of the sink, which may be shortened.
    pub error: String,
}

/// The quarantine.
impl<K: ValueKey + DeserializeOwned, V: Send + Sync + 'static> WriteBehind<K, V> {
    /// Returns the writes in the quarantine, at most about `limit` of them.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadWrite<K, V>>, StoreError> {
        let (state, mut all) = (&*self.state, Vec::new());
        for number in 0..state.options.partitions {
            let mut after = None;
            while all.len() < limit {
                let page = state.queue.dead_letters(state.partition(number), after, PAGE).await?;
                all.extend(page.letters.into_iter().map(|letter| {
                    let content = match &letter.payload {
                        WritePayload::Value(payload) => decode(&state.collection, payload),
                        WritePayload::Deletion | WritePayload::Operation(_) => None,
                    };
                    DeadWrite {
                        write: content.map(|content| (content.key, content.value)),
                        key_text: letter.key,
                        sequence: letter.sequence,
                        error: letter.error,
                    }
                }));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(all)
    }

    /// Moves a write from the quarantine back to the queue, with its sequence number.
    ///
    /// Returns whether it was there.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked. Call this again then.
    pub async fn retry_dead_letter(&self, letter: &DeadWrite<K, V>) -> Result<bool, StoreError> {
        let (state, text) = (&*self.state, letter.key_text.as_str());
        let partition = state.partition_of(text);
        let mut moved = 0;
        loop {
            let progress = state.queue.retry_dead_letter(partition, text).await?;
            moved += progress.moved;
            if progress.is_done || progress.moved == 0 {
                break;
            }
        }
        state.wake(partition);
        Ok(moved > 0)
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
        letter: &DeadWrite<K, V>,
    ) -> Result<Option<InvalidationOutcome>, StoreError> {
        let (state, text) = (&*self.state, letter.key_text.as_str());
        let partition = state.partition_of(text);
        let was_there = state.queue.discard_dead_letter(partition, text, letter.sequence).await;
        // After an error, the write may be gone. An invalidation too many costs one load.
        if matches!(was_there, Ok(false)) {
            return Ok(None);
        }
        let names = state.collection.names_of_write(text, letter.write.as_ref().map(|(key, _)| key));
        let outcome = invalidate(&state.collection.engine, names).await;
        was_there.map(|_| Some(outcome))
    }
}
