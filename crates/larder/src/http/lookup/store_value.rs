//! What a value in the shared tier is.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::http::vary;
use larder_core::store::StoreError;
use larder_core::stored::StoredResponse;
use larder_core::stored::wire::{self, Decoded};

use crate::engine::store::Store;
use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::{Search, Sought};
use crate::http::memory::cached_response::Held;

pub(super) type Fingerprint = Option<[u8; 8]>;

/// What the shared tier answered.
pub(super) enum Read {
    Response(Arc<Held>),
    Fields(Box<[http::HeaderName]>),
    /// A response to a request with other values in the fields that `Vary` names.
    Other,
    Nothing,
    /// The word that responses to equivalent queries are under another key.
    Elsewhere,
    Unreadable,
}

/// Asks the shared tier.
pub(super) async fn get(
    route: &LayerState,
    store: &dyn Store,
    address: &str,
    sought: Sought<'_>,
    local: u64,
) -> Result<(Read, Fingerprint), StoreError> {
    let answer = store.get(address).await?;
    let mut fingerprint = answer.as_deref().and_then(wire::fingerprint);
    let read = read(route, sought, answer, local);
    if matches!(read, Read::Unreadable) {
        // Its position is as good as any, so that it might keep what is filled now from taking its place (rule 16).
        store.remove(address).await?;
        fingerprint = None;
    }
    Ok((read, fingerprint))
}

/// Reads an answer of the shared tier, which was asked when our local number was `local` (rule 1).
pub(super) fn read(route: &LayerState, sought: Sought<'_>, answer: Option<Bytes>, local: u64) -> Read {
    let Sought { key, headers, search } = sought;
    let Some(bytes) = detach_buffer(route, answer) else { return Read::Nothing };
    match wire::decode_after(crate::http::cache_status::room(), bytes, key) {
        // What the response says itself is asked: its key is but what another process made of that.
        Ok(Decoded::Response(stored)) if is_of_another(search, &stored) => Read::Unreadable,
        Ok(Decoded::Response(mut stored)) if vary::matches(&stored.meta.selecting, headers) => {
            stored.meta.position.mark.local = local;
            let held = Held::promoted(stored, route.engine.clock.wall(), route.engine.clock.boot());
            Read::Response(if route.http.memory.keeps() { Arc::new(held.kept()) } else { Arc::new(held) })
        }
        Ok(Decoded::Response(_)) => Read::Other,
        Ok(Decoded::Variants(fields)) => Read::Fields(fields),
        Ok(Decoded::Told(told)) => {
            if let Some(search) = search {
                route.http.variations.learn(
                    search.base(),
                    told,
                    route.engine.clock.wall(),
                    route.engine.clock.boot(),
                );
            }
            Read::Elsewhere
        }
        Err(error) => {
            tracing::debug!(target: "larder", key, %error, "a value in the shared tier cannot be read");
            Read::Unreadable
        }
    }
}

fn is_of_another(search: Option<&Search>, stored: &StoredResponse) -> bool {
    search.is_some_and(|search| !search.is_answered_by(&stored.meta.key, &stored.headers))
}

/// What comes out of the store is a slice of its read buffer, and would keep the whole of that alive in memory for as
/// long as it is held. What is only passed on is not copied.
fn detach_buffer(route: &LayerState, answer: Option<Bytes>) -> Option<Bytes> {
    answer.map(|bytes| if route.http.memory.keeps() { Bytes::copy_from_slice(&bytes) } else { bytes })
}
