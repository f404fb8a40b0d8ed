//! The list of the instances that share the store.

use std::collections::HashMap;
use std::time::Duration;

use larder_core::monitoring::{
    FORGET_AFTER, Instance, InstanceId, InstanceRecord, MAX_INSTANCES, Monitoring, StoreStats,
};
use larder_core::store::StoreError;
use tokio::time::Instant;

use crate::memory_store::MemoryStore;

/// The last announcement of each instance.
#[derive(Default)]
pub(super) struct InstanceTable(HashMap<InstanceId, Announced>);

struct Announced {
    record: InstanceRecord,
    at: Instant,
    lag: Option<Duration>,
}

impl InstanceTable {
    fn announce(&mut self, record: InstanceRecord, lag: Option<Duration>) {
        let at = Instant::now();
        self.0.insert(record.id, Announced { record, at, lag });
        self.0.retain(|_, other| at.saturating_duration_since(other.at) <= FORGET_AFTER);
        while self.0.len() > MAX_INSTANCES {
            let oldest = self.0.iter().min_by_key(|(_, other)| other.at).map(|(id, _)| *id);
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
    }

    /// Returns the instances in the order of their starts.
    fn list(&self) -> Vec<Instance> {
        let seen = self.0.values().map(|one| (one, one.at.elapsed()));
        let seen = seen.filter(|(_, ago)| *ago <= FORGET_AFTER);
        let mut instances: Vec<_> =
            seen.map(|(one, ago)| Instance::new(one.record.clone(), ago, one.lag)).collect();
        instances.sort_by_key(|instance| (instance.record.started_at, instance.record.id.to_bytes()));
        instances
    }
}

impl Monitoring for MemoryStore {
    async fn store_stats(&self) -> Result<StoreStats, StoreError> {
        let mut stats = StoreStats::new();
        (stats.servers, stats.log_length) = (1, Some(self.working()?.log.length()));
        Ok(stats)
    }

    async fn announce(&self, record: &InstanceRecord) -> Result<(), StoreError> {
        let mut state = self.working()?;
        // As in Redis, what does not survive the way to bytes and back is not listed.
        if let Some(record) = InstanceRecord::decode(&record.encode()) {
            let lag = state.log.lag(record.incarnation, record.position);
            state.instances.announce(record, lag);
        }
        Ok(())
    }

    async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        Ok(self.working()?.instances.list())
    }

    fn instance_count(&self) -> Option<u64> {
        let count = self.working().ok()?.instances.list().len();
        Some(count as u64).filter(|count| *count > 0)
    }

    async fn withdraw(&self, id: InstanceId) -> Result<(), StoreError> {
        self.working()?.instances.0.remove(&id);
        Ok(())
    }
}
