//! A collection whose writes are queued: of values, or of operations.

use std::time::Duration;

use larder_core::write_queue::{QueuedWrite, WritePayload};
use serde::de::DeserializeOwned;

use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::values::behind::queue_entry::{EntryContent, EntryForm};
use crate::values::behind::sink::Write;
use crate::values::collection_state::Collection;
use crate::values::value_key::ValueKey;

/// The properties of a collection that the worker and the quarantine need.
pub(super) trait QueuedCollection: Send + Sync + 'static {
    /// The form in which the sink gets a write.
    type Write: Send + Sync + 'static;

    /// Whether the writes of a key wait for the earlier ones. Of values, only the last one counts.
    const IS_ORDERED: bool;

    /// Decodes a write of the queue.
    ///
    /// Returns `None` for another version, schema or codec, and for a write of another key.
    fn decode(&self, queued: &QueuedWrite) -> Option<Self::Write>;

    /// Returns what a flush of the key with this text invalidates. `None` is an unreadable write.
    fn names(&self, text: &str, write: Option<&Self::Write>) -> Invalidation;

    /// Returns how long a write stays in the queue after its commit, for replicas that lag.
    fn replica_lag(&self) -> Duration {
        Duration::ZERO
    }
}

impl<K: ValueKey + DeserializeOwned, V: Send + Sync + 'static> QueuedCollection for Collection<K, V> {
    type Write = Write<K, V>;

    const IS_ORDERED: bool = false;

    fn decode(&self, queued: &QueuedWrite) -> Option<Write<K, V>> {
        let WritePayload::Value(payload) = &queued.payload else { return None };
        let EntryContent { key, value } = value_form(self).decode_of(&queued.key, payload)?;
        Some(Write { key, sequence: queued.sequence, value })
    }

    fn names(&self, text: &str, write: Option<&Write<K, V>>) -> Invalidation {
        self.names_of_write(text, write.map(|write| &write.key))
    }

    fn replica_lag(&self) -> Duration {
        self.options.replica_lag.unwrap_or_default()
    }
}

/// Returns how the values of a collection are encoded in the queue.
pub(super) fn value_form<K, V>(collection: &Collection<K, V>) -> EntryForm<'_, V> {
    EntryForm {
        collection: &collection.name,
        codec: &*collection.functions.codec,
        schema: collection.options.schema,
        max_bytes: collection.options.max_value_bytes,
    }
}
