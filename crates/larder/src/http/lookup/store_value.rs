//! What a value in the shared tier is.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::http::vary;
use larder_core::store::StoreError;
use larder_core::stored::StoredResponse;
use larder_core::stored::wire::{self, Decoded};

use crate::engine::store::Store;
use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::{LookupKey, QueryScope};
use crate::http::memory::cached_response::CachedResponse;

pub(super) type Fingerprint = Option<[u8; 8]>;

/// What the shared tier answered.
pub(super) enum StoreValue {
    Response(Arc<CachedResponse>),
    VaryFields(Box<[http::HeaderName]>),
    /// A response to a request with other values in the fields that `Vary` names.
    OtherVariant,
    Absent,
    /// The word that responses to equivalent queries are under another key.
    Redirect,
    Unreadable,
}

/// Asks the shared tier.
pub(super) async fn fetch_value(
    layer: &LayerState,
    store: &dyn Store,
    address: &str,
    lookup_key: LookupKey<'_>,
    local: u64,
) -> Result<(StoreValue, Fingerprint), StoreError> {
    let answer = store.get(address).await?;
    let mut fingerprint = answer.as_deref().and_then(wire::fingerprint);
    let read = decode_value(layer, lookup_key, answer, local);
    if matches!(read, StoreValue::Unreadable) {
        // Its position is as good as any, so that it might keep what is filled now from taking its place (rule 16).
        store.remove(address).await?;
        fingerprint = None;
    }
    Ok((read, fingerprint))
}

/// Reads an answer of the shared tier, which was asked when our local number was `local` (rule 1).
pub(super) fn decode_value(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    answer: Option<Bytes>,
    local: u64,
) -> StoreValue {
    let LookupKey { key, headers, scope } = lookup_key;
    let Some(bytes) = detach_buffer(layer, answer) else { return StoreValue::Absent };
    match wire::decode_after(crate::http::cache_status::reserved(), bytes, key) {
        // What the response says itself is asked: its key is but what another process made of that.
        Ok(Decoded::Response(stored)) if answers_other_query(scope, &stored) => StoreValue::Unreadable,
        Ok(Decoded::Response(mut stored)) if vary::matches(&stored.meta.selecting, headers) => {
            stored.meta.position.mark.local = local;
            let cached =
                CachedResponse::from_store(stored, layer.engine.clock.wall(), layer.engine.clock.boot());
            StoreValue::Response(if layer.http.memory.is_enabled() {
                Arc::new(cached.for_memory())
            } else {
                Arc::new(cached)
            })
        }
        Ok(Decoded::Response(_)) => StoreValue::OtherVariant,
        Ok(Decoded::Variants(fields)) => StoreValue::VaryFields(fields),
        Ok(Decoded::Told(told)) => {
            if let Some(scope) = scope {
                layer.http.variations.record(
                    scope.base_key(),
                    told,
                    layer.engine.clock.wall(),
                    layer.engine.clock.boot(),
                );
            }
            StoreValue::Redirect
        }
        Err(error) => {
            tracing::debug!(target: "larder", key, %error, "a value in the shared tier cannot be read");
            StoreValue::Unreadable
        }
    }
}

fn answers_other_query(scope: Option<&QueryScope>, stored: &StoredResponse) -> bool {
    scope.is_some_and(|scope| !scope.is_answered_by(&stored.meta.key, &stored.headers))
}

/// What comes out of the store is a slice of its read buffer, and would keep the whole of that alive in memory for as
/// long as it is held. What is only passed on is not copied.
fn detach_buffer(layer: &LayerState, answer: Option<Bytes>) -> Option<Bytes> {
    answer.map(|bytes| if layer.http.memory.is_enabled() { Bytes::copy_from_slice(&bytes) } else { bytes })
}
