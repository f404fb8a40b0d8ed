//! The values that the database does not have yet: questions to the queue.

use std::collections::BTreeMap;

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::write_queue::WritePayload;
use serde::de::DeserializeOwned;

use crate::values::behind::behind_state::BehindState;
use crate::values::behind::queue_entry::EntryContent;
use crate::values::behind::queued_collection::value_form;
use crate::values::behind::write_error::ReadError;
use crate::values::collection_state::Collection;
use crate::values::value_key::{ValueKey, encoded_key};

/// The value of a key in the queue, or `None` for a deletion.
pub(super) struct Pending<V>(pub(super) Option<V>);

/// The knowledge of the pending write of a key.
enum Answer {
    /// Nothing is pending. The database has the value.
    Nothing,
    Pending(WritePayload),
    /// The queue cannot be asked, and this instance has no copy.
    Unavailable,
}

impl<K: ValueKey + DeserializeOwned, V: Send + Sync + 'static> BehindState<Collection<K, V>> {
    /// Returns the pending value of each key, in order of `keys`.
    ///
    /// If the queue cannot be asked, the pending values are those that this instance wrote itself.
    ///
    /// # Errors
    /// If the queue cannot be asked and there is no such value, or if a value cannot be decoded,
    /// unless the collection may lag.
    pub(super) async fn pending<E>(&self, keys: &[K]) -> Result<Vec<Option<Pending<V>>>, ReadError<E>> {
        let mut all: Vec<Option<Pending<V>>> = keys.iter().map(|_| None).collect();
        // A key that is too long is never written.
        let texts: Vec<_> = keys.iter().map(|key| encoded_key(&self.name, key)).collect();
        let mut by_partition: BTreeMap<u16, (Vec<usize>, Vec<&str>)> = BTreeMap::new();
        for (index, text) in texts.iter().enumerate() {
            if let Some(text) = text {
                let (indexes, asked) = by_partition.entry(self.partition_of(text).number).or_default();
                indexes.push(index);
                asked.push(text);
            }
        }
        for (number, (indexes, asked)) in by_partition {
            for (index, answer) in indexes.into_iter().zip(self.ask(number, &asked).await) {
                match self.decode_answer(answer) {
                    Ok(pending) => all[index] = pending,
                    Err(_) if self.options.may_lag => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(all)
    }

    /// Asks a partition of the queue for the pending writes of these keys.
    async fn ask(&self, number: u16, keys: &[&str]) -> Vec<Answer> {
        // Read first: see `OwnWrites::note_answer`.
        let known: Vec<_> = keys.iter().map(|key| self.own_writes.sequence(key)).collect();
        let asked_at = self.engine.log.position();
        let Ok(states) = self.queue.pending(self.partition(number), keys).await else {
            return keys.iter().map(|key| self.own_write(key)).collect();
        };
        let mut answers = Vec::with_capacity(keys.len());
        for ((key, known), state) in keys.iter().zip(known).zip(states) {
            let sequence = state.value.as_ref().map(|pending| pending.sequence);
            self.own_writes.note_answer(key, known, sequence, asked_at);
            answers.push(state.value.map_or(Answer::Nothing, |pending| Answer::Pending(pending.payload)));
        }
        answers
    }

    /// Returns what this instance wrote itself, unless the log has an event of a later write.
    fn own_write(&self, key: &str) -> Answer {
        match self.own_writes.find(key) {
            Some(own) if !self.is_refused(key, &own.position) => {
                Answer::Pending(WritePayload::Value(own.payload))
            }
            _ => Answer::Unavailable,
        }
    }

    fn decode_answer<E>(&self, answer: Answer) -> Result<Option<Pending<V>>, ReadError<E>> {
        let payload = match answer {
            Answer::Nothing => return Ok(None),
            Answer::Unavailable => return Err(ReadError::PendingUnavailable),
            Answer::Pending(WritePayload::Value(payload)) => payload,
            Answer::Pending(_) => return Err(ReadError::PendingUnreadable),
        };
        match value_form(&self.collection).decode::<K>(&payload) {
            Some(EntryContent { value, .. }) => Ok(Some(Pending(value))),
            None => Err(ReadError::PendingUnreadable),
        }
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> BehindState<Collection<K, V>> {
    /// Whether the log refuses a value of this key with this position.
    ///
    /// The tags of the value do not count. An event of a tag comes from no write of this key.
    pub(super) fn is_refused(&self, key: &str, position: &Position) -> bool {
        let (engine, names) = (&self.engine, Names::of_value(key, &[]));
        let now = engine.clock.boot();
        engine.log.read(|tail| tail.check(position, &names, now)) == Verdict::Refused
    }
}
