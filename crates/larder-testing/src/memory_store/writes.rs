//! The write queue of the store.

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use larder_core::store::StoreError;
use larder_core::time::BootTime;
use larder_core::write_queue::{MemoryQueue, MemoryQueueAccess, QueueTime};
use tokio::time::Instant;

use super::MemoryStore;

/// The queues of all collections, with Tokio's clock.
pub(super) struct Writes {
    queue: MemoryQueue,
    start: Instant,
}

impl Default for Writes {
    fn default() -> Self {
        Self { queue: MemoryQueue::new(), start: Instant::now() }
    }
}

impl Writes {
    fn now(&self) -> QueueTime {
        let boot = BootTime::ZERO.saturating_add(self.start.elapsed());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        QueueTime { unix_micros: u64::try_from(since.as_micros()).unwrap_or(u64::MAX), boot }
    }
}

/// The queue fails as the rest of the store does.
impl MemoryQueueAccess for MemoryStore {
    fn with_queue<T>(
        &self,
        action: impl FnOnce(&mut MemoryQueue, QueueTime) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.working()?;
        let now = state.writes.now();
        action(&mut state.writes.queue, now)
    }
}
