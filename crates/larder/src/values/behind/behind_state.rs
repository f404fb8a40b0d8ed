//! The parts of a collection whose writes are queued, shared by its handles and its worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use larder_core::store::StoreError;
use larder_core::write_queue::{KeyState, PartitionId, QueueStats, WriteId, WritePayload};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::engine::queue::Queue;
use crate::engine::shared::Engine;
use crate::values::behind::behind_counters::BehindCounters;
use crate::values::behind::behind_options::BehindOptions;
use crate::values::behind::durability_check::DurabilityCheck;
use crate::values::behind::queue_entry::EntryContent;
use crate::values::behind::queued_collection::value_form;
use crate::values::behind::write_error::ReadError;
use crate::values::collection_state::Collection;
use crate::values::value_key::{ValueKey, encoded_key};

/// The parts of one collection, `C`, whose writes are queued.
pub(super) struct BehindState<C> {
    pub(super) engine: Arc<Engine>,
    pub(super) name: Box<str>,
    pub(super) collection: Arc<C>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) options: BehindOptions,
    pub(super) counters: BehindCounters,
    /// Wakes the reader of each partition.
    pub(super) wake: Vec<Notify>,
    pub(super) durability: DurabilityCheck,
}

/// The value of a key in the queue, or `None` for a deletion.
pub(super) struct Pending<V>(pub(super) Option<V>);

impl<C> BehindState<C> {
    pub(super) fn new(
        engine: &Arc<Engine>,
        name: &str,
        collection: Arc<C>,
        queue: Arc<dyn Queue>,
        options: BehindOptions,
    ) -> Self {
        let durability = DurabilityCheck::new(engine, &queue, name, options.durability);
        Self {
            engine: Arc::clone(engine),
            name: name.into(),
            collection,
            queue,
            options,
            counters: BehindCounters::default(),
            wake: (0..options.partitions).map(|_| Notify::new()).collect(),
            durability,
        }
    }

    /// Returns the partition of a key, which is given by its text.
    pub(super) fn partition_of(&self, text: &str) -> PartitionId<'_> {
        let number = PartitionId::of_key("", self.options.partitions, text).number;
        self.partition(number)
    }

    pub(super) fn partition(&self, number: u16) -> PartitionId<'_> {
        PartitionId { collection: &self.name, number, count: self.options.partitions }
    }

    pub(super) fn wake(&self, partition: PartitionId<'_>) {
        if let Some(reader) = self.wake.get(usize::from(partition.number)) {
            reader.notify_one();
        }
    }

    /// Returns the size of each partition of the queue.
    pub(super) async fn queue_stats(&self) -> Result<Vec<QueueStats>, StoreError> {
        let mut all = Vec::with_capacity(usize::from(self.options.partitions));
        for number in 0..self.options.partitions {
            all.push(self.queue.queue_stats(self.partition(number)).await?);
        }
        Ok(all)
    }
}

impl<K: ValueKey + DeserializeOwned, V: Send + Sync + 'static> BehindState<Collection<K, V>> {
    /// Returns the pending value of each key, in order of `keys`.
    ///
    /// # Errors
    /// If the queue cannot be asked or a value cannot be decoded, unless the collection may lag.
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
            let states = match self.queue.pending(self.partition(number), &asked).await {
                Ok(states) => states,
                Err(_) if self.options.may_lag => continue,
                Err(_) => return Err(ReadError::PendingUnavailable),
            };
            for (index, state) in indexes.into_iter().zip(states) {
                match self.decode_pending(state) {
                    Ok(pending) => all[index] = pending,
                    Err(()) if self.options.may_lag => {}
                    Err(()) => return Err(ReadError::PendingUnreadable),
                }
            }
        }
        Ok(all)
    }

    fn decode_pending(&self, state: KeyState) -> Result<Option<Pending<V>>, ()> {
        let Some(pending) = state.value else { return Ok(None) };
        let WritePayload::Value(payload) = pending.payload else { return Err(()) };
        let EntryContent { value, .. } = value_form(&self.collection).decode::<K>(&payload).ok_or(())?;
        Ok(Some(Pending(value)))
    }
}

/// Returns a random id for a write.
pub(super) fn new_write_id() -> WriteId {
    WriteId::from_bytes(fastrand::u128(..).to_be_bytes())
}
