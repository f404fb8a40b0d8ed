//! The parts of a write-behind collection, shared by its handles and its worker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use larder_core::write_queue::{
    DurabilityGap, DurabilityMethod, KeyState, PartitionId, WriteId, WritePayload,
};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::engine::queue::Queue;
use crate::values::behind::behind_counters::BehindCounters;
use crate::values::behind::behind_options::BehindOptions;
use crate::values::behind::queue_entry::{EntryContent, decode};
use crate::values::behind::write_error::{ReadError, WriteError, WriteErrorKind};
use crate::values::collection_state::Collection;
use crate::values::value_key::{ValueKey, encoded_key};

/// How often the settings of the store are read.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// How often they are read while they are not sufficient.
const GAP_INTERVAL: Duration = Duration::from_secs(5);

/// The parts of one write-behind collection.
pub(super) struct BehindState<K, V> {
    pub(super) collection: Arc<Collection<K, V>>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) options: BehindOptions,
    pub(super) counters: BehindCounters,
    /// Wakes the reader of each partition.
    pub(super) wake: Vec<Notify>,
    /// How to wait for durability, and until when that is believed.
    method: Mutex<Option<(Result<DurabilityMethod, DurabilityGap>, Instant)>>,
}

/// The value of a key in the queue, or `None` for a deletion.
pub(super) struct Pending<V>(pub(super) Option<V>);

impl<K: ValueKey, V: Send + Sync + 'static> BehindState<K, V> {
    pub(super) fn new(
        collection: Arc<Collection<K, V>>,
        queue: Arc<dyn Queue>,
        options: BehindOptions,
    ) -> Self {
        let wake = (0..options.partitions).map(|_| Notify::new()).collect();
        Self {
            collection,
            queue,
            options,
            counters: BehindCounters::default(),
            wake,
            method: Mutex::default(),
        }
    }

    /// Returns the partition of a key, which is given by its text.
    pub(super) fn partition_of(&self, text: &str) -> PartitionId<'_> {
        let number = PartitionId::of_key("", self.options.partitions, text).number;
        self.partition(number)
    }

    pub(super) fn partition(&self, number: u16) -> PartitionId<'_> {
        PartitionId { collection: &self.collection.name, number, count: self.options.partitions }
    }

    pub(super) fn wake(&self, partition: PartitionId<'_>) {
        if let Some(reader) = self.wake.get(usize::from(partition.number)) {
            reader.notify_one();
        }
    }

    /// Returns how to wait until a write is durable. Reads the settings of the store at times.
    pub(super) async fn durability_method(&self) -> Result<DurabilityMethod, WriteError> {
        let known = *self.method.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((method, _)) = known.filter(|(_, until)| Instant::now() < *until) {
            return method.map_err(WriteError::gap);
        }
        let state = self.queue.durability().await;
        let state = state.map_err(|error| WriteError::caused(WriteErrorKind::NotQueued, error))?;
        let method = state.method_for(self.options.durability);
        if let Err(gap) = &method {
            let (collection, durability) = (&*self.collection.name, self.options.durability);
            tracing::error!(collection, ?durability, %gap, "write-behind queue is not durable enough");
        }
        let until = Instant::now() + if method.is_ok() { CHECK_INTERVAL } else { GAP_INTERVAL };
        *self.method.lock().unwrap_or_else(PoisonError::into_inner) = Some((method, until));
        method.map_err(WriteError::gap)
    }
}

impl<K: ValueKey + DeserializeOwned, V: Send + Sync + 'static> BehindState<K, V> {
    /// Returns the pending value of each key, in order of `keys`.
    ///
    /// # Errors
    /// If the queue cannot be asked or a value cannot be decoded, unless the collection may lag.
    pub(super) async fn pending<E>(&self, keys: &[K]) -> Result<Vec<Option<Pending<V>>>, ReadError<E>> {
        let mut all: Vec<Option<Pending<V>>> = keys.iter().map(|_| None).collect();
        // A key that is too long is never written.
        let texts: Vec<_> = keys.iter().map(|key| encoded_key(&self.collection.name, key)).collect();
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
        let EntryContent { value, .. } = decode::<K, V>(&self.collection, &payload).ok_or(())?;
        Ok(Some(Pending(value)))
    }
}

/// Returns a random id for a write.
pub(super) fn new_write_id() -> WriteId {
    WriteId::from_bytes(fastrand::u128(..).to_be_bytes())
}
