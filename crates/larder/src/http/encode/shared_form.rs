//! The coded bodies in the shared tier.
//!
//! Each has an address of its own beside the response, and names the body that it was made of. It
//! is used only for a response with that very body, so it needs no check of its own against the
//! log. An instance that finds the coded body of another response makes its own, and replaces it.

use bytes::Bytes;
use larder_core::lifetime::shared_expiry::expiry;
use larder_core::stored::address;
use larder_core::stored::wire::{decode_coded_body, encode_coded_body};

use crate::engine::lease::shared_write::{SharedWrite, write_shared};
use crate::engine::report::store_health::StoreOp;
use crate::engine::shared::Engine;
use crate::http::coding_jobs::CodingJobKey;
use crate::http::http_state::HttpState;
use crate::http::memory::cached_response::CachedResponse;

/// Reads the coded body of a response. It is empty if another instance has found it to be no use.
pub(super) async fn read_coded_body(
    engine: &Engine,
    http: &HttpState,
    cached: &CachedResponse,
    key: &CodingJobKey,
) -> Option<Bytes> {
    let store = engine.open_store().filter(|_| cached.is_shared())?;
    let began = engine.clock.boot();
    let read = store.get(&address_of(key)).await;
    engine.report.store_result(StoreOp::Read, began, &read, &*engine.clock);
    let coded = decode_coded_body(read.ok()??, &key.key, key.coding, key.made_of).ok()?;
    // It is a slice of the store's read buffer, and would keep all of that alive.
    Some(if http.memory.is_enabled() { Bytes::copy_from_slice(&coded) } else { coded })
}

/// Writes the coded body of a response that is in the shared tier.
///
/// It has the position of the response, so it does not replace the coded body of a response that
/// was filled after an invalidation (rule 16). It expires with the response.
pub(super) async fn write_coded_body(
    engine: &Engine,
    cached: &CachedResponse,
    key: &CodingJobKey,
    coded: &Bytes,
) {
    let Some(store) = engine.open_store().filter(|_| cached.is_shared()) else { return };
    let position = &cached.meta.position;
    let value = encode_coded_body(key.coding, key.made_of, coded, &key.key, position);
    let expiry = expiry(&cached.meta.lifetime(), cached.age(engine.clock.boot()), false);
    write_shared(engine, &**store, SharedWrite { address: address_of(key), value, expiry }, None).await;
}

fn address_of(key: &CodingJobKey) -> String {
    address::coded_body(&key.key, key.variant, key.coding)
}
