//! What a value in the shared tier is.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::http::vary;
use larder_core::store::StoreError;
use larder_core::stored::StoredResponse;
use larder_core::stored::wire::{self, Decoded};

use crate::engine::store::Store;
use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::{QueryScope, LookupKey};
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
    route: &LayerState,
    store: &dyn Store,
    address: &str,
    sought: LookupKey<'_>,
    local: u64,
) -> Result<(StoreValue, Fingerprint), StoreError> {
    let answer = store.get(address).await?;
    let mut fingerprint = answer.as_deref().and_then(wire::fingerprint);
    let read = decode_value(route, sought, answer, local);
    if matches!(read, StoreValue::Unreadable) {
        // Its position is as good as any, so that it might keep what is filled now from taking its place (rule 16).
        store.remove(address).await?;
        fingerprint = None;
    }
    Ok((read, fingerprint))
}

/// Reads an answer of the shared tier, which was asked when our local number was `local` (rule 1).
pub(super) fn decode_value(route: &LayerState, sought: LookupKey<'_>, answer: Option<Bytes>, local: u64) -> StoreValue {
    let LookupKey { key, headers, search } = sought;
    let Some(bytes) = detach_buffer(route, answer) else { return StoreValue::Absent };
    match wire::decode_after(crate::http::cache_status::reserved(), bytes, key) {
        // What the response says itself is asked: its key is but what another process made of that.
        Ok(Decoded::Response(stored)) if answers_other_query(search, &stored) => StoreValue::Unreadable,
        Ok(Decoded::Response(mut stored)) if vary::matches(&stored.meta.selecting, headers) => {
            stored.meta.position.mark.local = local;
            let held = CachedResponse::from_store(stored, route.engine.clock.wall(), route.engine.clock.boot());
            StoreValue::Response(if route.http.memory.is_enabled() { Arc::new(held.for_memory()) } else { Arc::new(held) })
        }
        Ok(Decoded::Response(_)) => StoreValue::OtherVariant,
        Ok(Decoded::Variants(fields)) => StoreValue::VaryFields(fields),
        Ok(Decoded::Told(told)) => {
            if let Some(search) = search {
                route.http.variations.record(
                    search.base_key(),
                    told,
                    route.engine.clock.wall(),
                    route.engine.clock.boot(),
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

fn answers_other_query(search: Option<&QueryScope>, stored: &StoredResponse) -> bool {
    search.is_some_and(|search| !search.is_answered_by(&stored.meta.key, &stored.headers))
}

/// What comes out of the store is a slice of its read buffer, and would keep the whole of that alive in memory for as
/// long as it is held. What is only passed on is not copied.
fn detach_buffer(route: &LayerState, answer: Option<Bytes>) -> Option<Bytes> {
    answer.map(|bytes| if route.http.memory.is_enabled() { Bytes::copy_from_slice(&bytes) } else { bytes })
}
