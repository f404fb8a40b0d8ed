//! The fixed properties of a collection of operations.

use larder_core::write_queue::{QueuedWrite, WritePayload};
use serde::de::DeserializeOwned;

use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::values::behind::operations::operation::Operation;
use crate::values::behind::queue_entry::{EntryContent, EntryForm};
use crate::values::behind::queued_collection::QueuedCollection;
use crate::values::codec::AnyCodec;
use crate::values::collection_state::WriteNamesFn;
use crate::values::value_key::ValueKey;

/// How the operations of a collection are encoded, and what their flush invalidates.
pub(super) struct OperationForm<K, Op> {
    pub(super) name: Box<str>,
    pub(super) codec: Box<dyn AnyCodec<Op>>,
    pub(super) schema: u32,
    pub(super) max_bytes: usize,
    pub(super) invalidates: Option<WriteNamesFn<K>>,
}

impl<K, Op> OperationForm<K, Op> {
    pub(super) fn entries(&self) -> EntryForm<'_, Op> {
        let Self { name, codec, schema, max_bytes, .. } = self;
        EntryForm { collection: name, codec: &**codec, schema: *schema, max_bytes: *max_bytes }
    }
}

impl<K, Op> QueuedCollection for OperationForm<K, Op>
where
    K: ValueKey + DeserializeOwned,
    Op: Send + Sync + 'static,
{
    type Write = Operation<K, Op>;

    const IS_ORDERED: bool = true;

    fn decode(&self, queued: &QueuedWrite) -> Option<Operation<K, Op>> {
        let WritePayload::Operation(payload) = &queued.payload else { return None };
        let EntryContent { key, value } = self.entries().decode_of(&queued.key, payload)?;
        value.map(|operation| Operation { key, sequence: queued.sequence, operation })
    }

    fn names(&self, _: &str, write: Option<&Operation<K, Op>>) -> Invalidation {
        let names = self.invalidates.as_ref().zip(write).map(|(names, write)| names(&write.key));
        names.unwrap_or_default()
    }
}
