//! The values in the shared tier, and how they are read.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::http::vary;
use larder_core::store::StoreError;
use larder_core::stored::StoredResponse;
use larder_core::stored::wire::{self, Decoded, WireError, WireErrorKind};

use crate::engine::store::Store;
use crate::http::cache_status;
use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::{LookupKey, QueryScope};
use crate::http::memory::Access;
use crate::http::memory::cached_response::CachedResponse;

/// The fingerprint of a value. `None` if there is no value, or no readable one.
pub(super) type Fingerprint = Option<[u8; 8]>;

/// A value in the shared tier, as one request can use it.
pub(crate) enum StoreValue {
    /// A response that the request selects.
    Response(Arc<CachedResponse>),
    /// The fields on which the responses vary. Each variant has an address of its own.
    VaryFields(Box<[http::HeaderName]>),
    /// A response to a request with other values in the fields that `Vary` names.
    OtherVariant,
    /// There is no value.
    Absent,
    /// A hint that responses to equivalent queries are stored under another key.
    Redirect,
    /// A value of another version of Larder, which instances of that version can use.
    OtherVersion,
    /// A value that cannot be decoded, or that does not belong under its key.
    Unreadable,
}

/// Reads the value at an address in the shared tier. Removes an unreadable value, unless this only
/// inspects.
///
/// `local` is the local number of this instance before the read (rule 1).
pub(super) async fn fetch_value(
    layer: &LayerState,
    store: &dyn Store,
    address: &str,
    lookup_key: LookupKey<'_>,
    local: u64,
) -> Result<(StoreValue, Fingerprint), StoreError> {
    let read = layer.engine.reads.read(address, local, || store.get(address));
    let value = match lookup_key.store_time {
        Some(time) => time.spend_unless(|| store.is_transferring(address), read).await,
        None => read.await,
    }?;
    let mut fingerprint = value.as_deref().and_then(wire::fingerprint);
    let read = decode_value(layer, lookup_key, value, local);
    if matches!(read, StoreValue::Unreadable) && lookup_key.access == Access::Serve {
        // Its position is arbitrary. A high one would keep the response of the next fill from
        // replacing it (rule 16).
        exchange(lookup_key, store.remove(address)).await?;
        fingerprint = None;
    }
    Ok((read, fingerprint))
}

/// Runs one exchange with the store, in the time that the request has for the store.
pub(super) async fn exchange<T>(
    lookup_key: LookupKey<'_>,
    exchange: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match lookup_key.store_time {
        Some(time) => time.spend(exchange).await,
        None => exchange.await,
    }
}

/// Decodes a value of the shared tier.
///
/// `local` is the local number of this instance before the store was asked for it (rule 1).
pub(super) fn decode_value(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    value: Option<Bytes>,
    local: u64,
) -> StoreValue {
    let LookupKey { key, headers, scope, .. } = lookup_key;
    let Some(value) = value else { return StoreValue::Absent };
    let fingerprint = wire::fingerprint(&value);
    match decode_for(layer, lookup_key, value) {
        // The fields of the response itself decide. The key is only what another process derived
        // from them.
        Ok(Decoded::Response(stored)) if answers_other_query(scope, &stored) => StoreValue::Unreadable,
        Ok(Decoded::Response(mut stored)) if vary::matches(&stored.meta.selecting, headers) => {
            stored.meta.position.watermark.local = local;
            stored.meta.response_time = layer.engine.store_calendar.to_own(stored.meta.response_time);
            layer.policy.limit_lifetime(&mut stored);
            let cached =
                CachedResponse::from_store(stored, layer.engine.clock.wall(), layer.engine.clock.boot());
            cached.note_shared_copy(fingerprint);
            StoreValue::Response(if layer.http.memory.is_enabled() {
                Arc::new(cached.for_memory())
            } else {
                Arc::new(cached)
            })
        }
        Ok(Decoded::Response(_)) => StoreValue::OtherVariant,
        Ok(Decoded::Variants(fields)) => StoreValue::VaryFields(fields),
        Ok(Decoded::VariationHint(mut hint)) => {
            if let Some(scope) = scope {
                hint.at = layer.engine.store_calendar.to_own(hint.at);
                layer.http.variations.record(
                    scope.base_key(),
                    hint,
                    layer.engine.clock.wall(),
                    layer.engine.clock.boot(),
                );
            }
            StoreValue::Redirect
        }
        Err(error) if error.kind() == WireErrorKind::Version => StoreValue::OtherVersion,
        Err(error) => {
            tracing::debug!(target: "larder", key, %error, "unreadable value in the shared tier");
            StoreValue::Unreadable
        }
    }
}

/// Whether a stored response answers other queries than that of the request.
fn answers_other_query(scope: Option<&QueryScope>, stored: &StoredResponse) -> bool {
    scope.is_some_and(|scope| !scope.is_answered_by(&stored.meta.key, &stored.headers))
}

/// Decodes a value, or a copy of it if the response may be put into memory.
///
/// The value is a slice of the store's read buffer and would keep all of it alive. A value that is
/// only passed on is not copied.
fn decode_for(layer: &LayerState, lookup_key: LookupKey<'_>, value: Bytes) -> Result<Decoded, WireError> {
    let LookupKey { key, access, .. } = lookup_key;
    if access == Access::Serve && layer.http.memory.may_store(value.len()) {
        wire::decode_copy_after(cache_status::reserved(), &value, key)
    } else {
        wire::decode_after(cache_status::reserved(), value, key)
    }
}
