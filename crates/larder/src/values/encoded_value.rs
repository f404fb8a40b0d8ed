//! The form of a value in the shared tier.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder_core::lifetime::shared_expiry::expiry;
use larder_core::outcome::NotShared;
use larder_core::stored::address;
use larder_core::value::{StoredValue, wire};
use larder_core::wire::envelope::fingerprint;

use crate::engine::lease::Lease;
use crate::engine::lease::shared_write::{SharedWrite, write_shared};
use crate::engine::shared::Engine;
use crate::values::cached_value::CachedValue;
use crate::values::collection_state::Collection;
use crate::values::value_key::ValueKey;

/// A value that was encoded for the shared tier.
pub(super) enum EncodedValue {
    /// Bytes, or none for an absence.
    Payload(Option<Bytes>),
    /// The codec failed.
    Failed,
    /// The value waits in a queue, in its encoded form of this size.
    Queued(u64),
    /// There is no shared tier, and a function of the user states the weight.
    NotNeeded,
}

impl EncodedValue {
    /// Returns the size in bytes, or 0 if it is not known.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Payload(Some(payload)) => payload.len() as u64,
            Self::Queued(size) => *size,
            _ => 0,
        }
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Encodes a value, if its encoded form is needed at all.
    pub(super) fn encode(&self, text: &str, value: Option<&V>) -> EncodedValue {
        let Some(value) = value else { return EncodedValue::Payload(None) };
        if self.engine.store.is_none() && self.functions.weigh.is_some() {
            return EncodedValue::NotNeeded;
        }
        match self.functions.codec.encode(value) {
            Ok(payload) => EncodedValue::Payload(Some(payload.into())),
            Err(error) => {
                let cause = std::error::Error::source(&error);
                tracing::debug!(target: "larder", key = text, cause, "value cannot be encoded");
                EncodedValue::Failed
            }
        }
    }

    /// Returns the form in which a value is written to the shared tier.
    ///
    /// Returns `None` if there is no shared tier.
    ///
    /// # Errors
    /// If the value is not for the shared tier, with the reason.
    pub(super) fn shared_form(
        &self,
        cached: &CachedValue<V>,
        encoded: EncodedValue,
    ) -> Result<Option<SharedWrite>, NotShared> {
        if self.engine.open_store().is_none() {
            return Ok(None);
        }
        let key = &*cached.meta.key;
        let payload = match encoded {
            EncodedValue::NotNeeded | EncodedValue::Queued(_) => return Ok(None),
            EncodedValue::Failed => return Err(NotShared::NotEncodable),
            EncodedValue::Payload(Some(payload)) if payload.len() > self.options.max_value_bytes => {
                let bytes = payload.len();
                tracing::debug!(target: "larder", key, bytes, "value not shared: it is too large");
                return Err(NotShared::TooLarge);
            }
            EncodedValue::Payload(payload) => payload,
        };
        let address = address::primary(key);
        let mut meta = cached.meta.clone();
        meta.loaded_at = self.engine.store_calendar.to_store(meta.loaded_at);
        let expiry = expiry(&meta.lifetime, Duration::ZERO, false);
        let value = wire::encode(&StoredValue { payload, meta });
        cached.shared_copy.set(fingerprint(&value));
        Ok(Some(SharedWrite { address, value, expiry }))
    }
}

/// Writes a value to the shared tier, unless the cache is closed. This also releases the lease.
pub(super) async fn share_value(engine: Arc<Engine>, write: SharedWrite, lease: Option<Lease>) {
    if let Some(store) = engine.open_store() {
        write_shared(&engine, &**store, write, lease).await;
    }
}
