//! The partitions that this process pushes to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use larder_core::write_queue::{PartitionId, PushError, QueueLimits};

use crate::gather::GatherQueue;
use crate::push_call::{PushCall, PushResult, not_queued};
use crate::queue_names::{PartitionNames, names_in, setup_text};

/// Maximum number of partitions that are remembered.
///
/// An application has a few collections, so it never gets there.
const MAX_PARTITIONS: usize = 16 * 1024;

/// The partitions that this process pushes to, by their collection.
#[derive(Default)]
pub(crate) struct PushPartitions(Mutex<HashMap<Box<str>, Partitions>>);

/// The partitions of one collection.
type Partitions = HashMap<PushKind, Arc<PushPartition>>;

/// The properties that pushes to a collection share if they are sent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PushKind {
    number: u16,
    count: u16,
    /// The letter for the kind of the collection.
    kind: char,
    max_entries: u64,
    max_bytes: u64,
}

/// A partition, as far as its pushes are concerned, and the pushes that wait.
pub(crate) struct PushPartition {
    pub(crate) collection: Box<str>,
    pub(crate) number: u16,
    pub(crate) count: u16,
    pub(crate) kind: char,
    pub(crate) limits: QueueLimits,
    pub(crate) names: PartitionNames,
    /// The setup of the collection, as a text.
    pub(crate) setup: String,
    pub(crate) waiting: GatherQueue<PushCall, PushResult>,
}

impl PushPartitions {
    /// Returns the partition for writes with this letter and these limits.
    pub(crate) fn partition(
        &self,
        namespace: &str,
        id: &PartitionId<'_>,
        letter: char,
        limits: QueueLimits,
    ) -> Result<Arc<PushPartition>, PushError> {
        // A deletion is one of the writes to a collection of values.
        let kind = if letter == 'o' { 'o' } else { 'v' };
        let QueueLimits { entries: max_entries, bytes: max_bytes } = limits;
        let key = PushKind { number: id.number, count: id.count, kind, max_entries, max_bytes };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(id.collection).and_then(|kinds| kinds.get(&key)) {
            return Ok(Arc::clone(known));
        }
        let names = names_in(namespace, id).map_err(not_queued)?;
        let setup = setup_text(id, kind);
        let collection: Box<str> = id.collection.into();
        let (number, count, waiting) = (id.number, id.count, GatherQueue::default());
        let partition = PushPartition { collection, number, count, kind, limits, names, setup, waiting };
        let partition = Arc::new(partition);
        if all.values().map(HashMap::len).sum::<usize>() >= MAX_PARTITIONS {
            // Pushes that are under way keep theirs.
            all.clear();
        }
        all.entry(id.collection.into()).or_default().insert(key, Arc::clone(&partition));
        Ok(partition)
    }
}

impl PushPartition {
    pub(crate) fn id(&self) -> PartitionId<'_> {
        PartitionId { collection: &self.collection, number: self.number, count: self.count }
    }
}
