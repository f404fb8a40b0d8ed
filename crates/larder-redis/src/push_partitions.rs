//! The partitions that this process pushes to, and the pushes that wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use larder_core::write_queue::{PartitionId, PushError, QueueLimits};

use crate::gather::GatherQueue;
use crate::push_call::{PushCall, PushResult, not_queued};
use crate::push_partition::PushPartition;
use crate::queue_names::{names_in, setup_text};

/// Maximum number of partitions that are remembered.
///
/// An application has a few collections, so it never gets there.
const MAX_PARTITIONS: usize = 16 * 1024;

/// The pushes that wait for the next batch.
pub(crate) type PushQueue = GatherQueue<PushCall, PushResult>;

/// The partitions that this process pushes to.
pub(crate) struct PushPartitions {
    by_collection: Mutex<HashMap<Box<str>, Partitions>>,
    /// The pushes to all partitions. `None` in a cluster, where each partition has a slot of its
    /// own, and a script may use one slot.
    shared: Option<Arc<PushQueue>>,
    /// The pushes whose events are appended with them. A cluster has none of these.
    logged: Arc<PushQueue>,
}

/// The partitions of one collection.
type Partitions = HashMap<PushKind, PushLane>;

/// A partition, and the pushes that may be sent together with those to it.
#[derive(Clone)]
pub(crate) struct PushLane {
    pub(crate) partition: Arc<PushPartition>,
    pub(crate) waiting: Arc<PushQueue>,
}

/// The properties that pushes to a collection share if they concern the same partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PushKind {
    number: u16,
    count: u16,
    /// The letter for the kind of the collection.
    kind: char,
    max_entries: u64,
    max_bytes: u64,
}

impl PushPartitions {
    pub(crate) fn new(is_clustered: bool) -> Self {
        let shared = (!is_clustered).then(Arc::default);
        Self { by_collection: Mutex::default(), shared, logged: Arc::default() }
    }

    /// Returns the pushes that wait, and whose events are appended with them.
    pub(crate) fn logged(&self) -> &Arc<PushQueue> {
        &self.logged
    }

    /// Returns the lane for writes with this letter and these limits.
    pub(crate) fn lane(
        &self,
        namespace: &str,
        id: &PartitionId<'_>,
        letter: char,
        limits: QueueLimits,
    ) -> Result<PushLane, PushError> {
        // A deletion is one of the writes to a collection of values.
        let kind = if letter == 'o' { 'o' } else { 'v' };
        let QueueLimits { entries: max_entries, bytes: max_bytes } = limits;
        let key = PushKind { number: id.number, count: id.count, kind, max_entries, max_bytes };
        let mut all = self.by_collection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(id.collection).and_then(|kinds| kinds.get(&key)) {
            return Ok(known.clone());
        }
        let names = names_in(namespace, id).map_err(not_queued)?;
        let setup = setup_text(id, kind);
        let collection: Box<str> = id.collection.into();
        let PartitionId { number, count, .. } = *id;
        let partition = PushPartition { collection, number, count, kind, limits, names, setup };
        let waiting = self.shared.clone().unwrap_or_default();
        let lane = PushLane { partition: Arc::new(partition), waiting };
        if all.values().map(HashMap::len).sum::<usize>() >= MAX_PARTITIONS {
            // Pushes that are under way keep theirs.
            all.clear();
        }
        all.entry(id.collection.into()).or_default().insert(key, lane.clone());
        Ok(lane)
    }
}
