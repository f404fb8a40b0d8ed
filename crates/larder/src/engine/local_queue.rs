//! The write queue in the memory of this process, for collections that need no other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::time::Clock;
use larder_core::write_queue::{MemoryQueue, MemoryQueueAccess, PartitionId, QueueTime};

/// The queue of the in-process collections of one cache.
///
/// It belongs to the cache, so two handles of one name share it, and it outlives both.
pub(crate) struct LocalQueue {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: MemoryQueue,
    /// Whether the queue takes no more writes.
    is_closed: bool,
}

impl LocalQueue {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Refuses writes from now on.
    ///
    /// A write that was acknowledged is in the queue by then. So the size of the queue, after the
    /// workers have ended, is the number of writes that are lost.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
    }

    /// Returns the number of writes of each collection, in the queue and in the quarantine.
    pub(crate) fn unfinished(&self) -> BTreeMap<String, u64> {
        let state = self.state();
        state.queue.unfinished().into_iter().map(|(name, writes)| (name.to_owned(), writes)).collect()
    }

    /// Whether the collection has that number of partitions, or none yet.
    pub(crate) fn accepts(&self, partition: PartitionId<'_>) -> bool {
        self.with_queue(|queue, now| queue.stats(partition, now)).is_ok()
    }

    fn now(&self) -> QueueTime {
        QueueTime { unix_micros: self.unix_micros(), boot: self.clock.boot() }
    }

    /// Returns the calendar time.
    ///
    /// The clock of the cache has milliseconds. Two caches of one process can have the same queue
    /// within one, after each other, and their sequence numbers must grow.
    fn unix_micros(&self) -> u64 {
        if self.clock.is_manual() {
            return self.clock.wall().unix_millis().saturating_mul(1000);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryQueueAccess for LocalQueue {
    fn with_queue<T>(
        &self,
        action: impl FnOnce(&mut MemoryQueue, QueueTime) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        action(&mut self.state().queue, self.now())
    }

    fn with_open_queue<T>(
        &self,
        action: impl FnOnce(&mut MemoryQueue, QueueTime) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(StoreError::new(StoreErrorKind::Refused, "the cache is closed"));
        }
        action(&mut state.queue, self.now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use larder_core::lease::LeaseId;
    use larder_core::write_queue::{
        PushOutcome, PushWrite, Pushed, QueueLimits, ReadReply, ReadRequest, WriteId, WritePayload,
        WriteQueue,
    };

    use super::*;
    use crate::engine::clock::SystemClock;

    const PARTITION: PartitionId<'static> = PartitionId { collection: "cart", number: 0, count: 1 };

    fn write(id: u8) -> PushWrite<'static> {
        let (payload, id) = (WritePayload::Value("x".into()), WriteId::from_bytes([id; 16]));
        let limits = QueueLimits { entries: 10, bytes: 1000 };
        PushWrite { partition: PARTITION, key: "a", payload, id, limits }
    }

    #[tokio::test]
    async fn a_closed_queue_takes_nothing_and_counts_what_is_left() {
        let queue = LocalQueue::new(Arc::new(SystemClock));
        assert!(matches!(queue.push(write(1)).await, Ok(Pushed::Queued(_))));
        queue.close();
        let error = queue.push(write(2)).await.unwrap_err();
        assert_eq!((error.outcome(), error.kind()), (PushOutcome::NotQueued, StoreErrorKind::Refused));
        assert!(queue.retry_dead_letter(PARTITION, "a").await.is_err());
        assert_eq!(queue.unfinished(), BTreeMap::from([("cart".to_owned(), 1)]));
        let reader = LeaseId::from_bytes([1; 16]);
        assert!(queue.claim_reader(PARTITION, reader, Duration::from_secs(9)).await.unwrap());
        let request =
            ReadRequest { partition: PARTITION, reader, after: None, max_entries: 9, max_bytes: 99 };
        let Ok(ReadReply::Batch(batch)) = queue.read(request).await else { panic!("not the reader") };
        let completed = queue.complete(PARTITION, &[batch.writes[0].to_ref()]).await.unwrap();
        assert_eq!((completed.removed, queue.unfinished().len()), (1, 0));
    }
}
