//! A partition that this process pushes to.

use larder_core::write_queue::{PartitionId, QueueLimits};

use crate::queue_names::PartitionNames;

/// A partition, as far as pushes of one kind and with the same limits are concerned.
pub(crate) struct PushPartition {
    pub(crate) collection: Box<str>,
    pub(crate) number: u16,
    pub(crate) count: u16,
    /// The letter for the kind of the collection.
    pub(crate) kind: char,
    pub(crate) limits: QueueLimits,
    pub(crate) names: PartitionNames,
    /// The setup of the collection, as a text.
    pub(crate) setup: String,
}

impl PushPartition {
    pub(crate) fn id(&self) -> PartitionId<'_> {
        PartitionId { collection: &self.collection, number: self.number, count: self.count }
    }
}
