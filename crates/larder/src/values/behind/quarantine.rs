//! The quarantine of a collection: listing, retrying and discarding dead letters.

use larder_core::store::StoreError;
use larder_core::write_queue::{DeadLetter, QueuedWrite};

use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::InvalidationOutcome;
use crate::values::behind::behind_state::BehindState;
use crate::values::behind::queued_collection::QueuedCollection;

/// The number of keys that are read at once.
const PAGE: u32 = 100;
/// The maximum number of steps of one retry. Each one looks at thousands of writes or moves some.
const MAX_STEPS: usize = 10_000;

/// A write in the quarantine. `W` is its form for the [`Sink`](crate::values::Sink).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadWrite<W> {
    /// The write. `None` if it cannot be decoded.
    pub write: Option<W>,
    /// The text of the key, as log messages have it.
    pub key_text: String,
    /// The sequence number of the write.
    pub sequence: u64,
    /// The error of the sink, which may be shortened. Empty for an operation that was held.
    pub error: String,
    /// Number of later operations of the key that are held behind this one. 0 for a value.
    pub held: u64,
}

impl<C: QueuedCollection> BehindState<C> {
    /// Returns the first dead letter of each key, at most about `limit` of them.
    pub(super) async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadWrite<C::Write>>, StoreError> {
        let mut all = Vec::new();
        for number in 0..self.options.partitions {
            let mut after = None;
            while all.len() < limit {
                let page = self.queue.dead_letters(self.partition(number), after, PAGE).await?;
                all.extend(page.letters.into_iter().map(|letter| self.dead_write(letter)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(all)
    }

    fn dead_write(&self, letter: DeadLetter) -> DeadWrite<C::Write> {
        let DeadLetter { key, sequence, payload, error, waiting } = letter;
        let queued = QueuedWrite { place: sequence, sequence, key, payload };
        let write = self.collection.decode(&queued);
        DeadWrite { write, key_text: queued.key, sequence, error, held: waiting }
    }

    /// Moves the dead letters of a key back to the queue. Returns whether there were any.
    pub(super) async fn retry_dead_letters(&self, text: &str) -> Result<bool, StoreError> {
        let partition = self.partition_of(text);
        let mut moved = 0;
        for _ in 0..MAX_STEPS {
            let progress = self.queue.retry_dead_letter(partition, text).await?;
            moved += progress.moved;
            if progress.is_done {
                break;
            }
        }
        self.wake(partition);
        Ok(moved > 0)
    }

    /// Drops a dead letter, and invalidates what its flush would have invalidated.
    ///
    /// The operations that were held behind it go back to the queue.
    pub(super) async fn discard_dead_letter(
        &self,
        letter: &DeadWrite<C::Write>,
    ) -> Result<Option<InvalidationOutcome>, StoreError> {
        let text = letter.key_text.as_str();
        let partition = self.partition_of(text);
        let was_there = self.queue.discard_dead_letter(partition, text, letter.sequence).await;
        // After an error, the write may be gone. An invalidation too many costs one load.
        if matches!(was_there, Ok(false)) {
            return Ok(None);
        }
        let names = self.collection.names(text, letter.write.as_ref());
        let outcome = invalidate(&self.engine, names).await;
        if C::IS_ORDERED && was_there.is_ok() {
            self.retry_dead_letters(text).await?;
        }
        was_there.map(|_| Some(outcome))
    }
}
