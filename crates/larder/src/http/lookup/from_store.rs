//! Lookups in the shared tier.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use larder_core::outcome::{MissReason, Tier};
use larder_core::stored::address;

use crate::engine::lease::claim::ClaimTarget;
use crate::engine::report::store_health::StoreOp;
use crate::engine::store_miss::{miss_reason, untrusted_reason};
use crate::engine::store_time::StoreTime;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::query_scope::LookupKey;
use crate::http::lookup::reuse::evaluate_reuse_for;
use crate::http::lookup::store_value::{Fingerprint, StoreValue, decode_value, fetch_value};
use crate::http::memory::slot::Variants;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::memory::{Access, MemoryLookup};

/// Looks a request up in the shared tier if the memory tier is off.
pub(crate) async fn lookup_store_only(
    layer: &LayerState,
    key_and_address: &KeyAndAddress,
    headers: &HeaderMap,
    access: Access,
    store_time: &StoreTime,
) -> Lookup {
    let missing = MissReason::NeverStored;
    let lookup_key = LookupKey {
        key: key_and_address.key(),
        headers,
        scope: None,
        access,
        store_time: Some(store_time),
        matched_path: None,
    };
    let address = key_and_address.address();
    let (read, (variant, fingerprint)) = match fetch_at(layer, address, lookup_key, true).await {
        Ok(fetched) => fetched,
        Err(reason) => return Lookup::Miss(miss_reason(reason, missing), None),
    };
    match lookup_from_store_value(layer, lookup_key, read, missing) {
        // The claim of the lease compares the fingerprint, so the store is not asked again before.
        Lookup::Miss(reason, _) => {
            let address = variant.unwrap_or_else(|| address.to_owned());
            let seen = ClaimTarget { address, fingerprint, is_looked_up: true };
            Lookup::Miss(reason, Some(Box::new(seen)))
        }
        found => found,
    }
}

/// Looks one key up in the shared tier, and returns the target of a lease claim as well.
///
/// The target is `None` if the shared tier was not asked or did not answer.
pub(crate) async fn lookup_shared_key(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    missing: MissReason,
) -> (Lookup, Option<ClaimTarget>) {
    match fetch_shared(layer, lookup_key).await {
        Ok((read, seen)) => (lookup_from_store_value(layer, lookup_key, read, missing), Some(seen)),
        Err(reason) => (Lookup::Miss(miss_reason(reason, missing), None), None),
    }
}

/// Reads the target of a lease claim.
///
/// The stored response is not served and not put into memory.
pub(crate) async fn observe_shared(layer: &LayerState, lookup_key: LookupKey<'_>) -> Option<ClaimTarget> {
    fetch_shared(layer, lookup_key).await.ok().map(|(_, seen)| seen)
}

/// Reads the value of a key from the shared tier, and the target of a lease claim.
///
/// The error is the reason to report for the miss. It is `None` if there is no open store.
async fn fetch_shared(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
) -> Result<(StoreValue, ClaimTarget), Option<MissReason>> {
    let LookupKey { key, headers, access, .. } = lookup_key;
    let variant = match layer.http.memory.find_as(access, key, headers, layer.engine.clock.boot()) {
        MemoryLookup::OtherVariants(variants) => Some(variant_address(key, headers, &variants)),
        _ => None,
    };
    let may_vary = variant.is_none();
    let address = variant.unwrap_or_else(|| address::primary(key));
    let (read, (variant, fingerprint)) = fetch_at(layer, &address, lookup_key, may_vary).await?;
    Ok((read, ClaimTarget { address: variant.unwrap_or(address), fingerprint, is_looked_up: true }))
}

/// Reads the value at an address, and then that of the variant if the responses vary.
///
/// Also returns the address of the variant, if it was read, and the fingerprint of the value. The
/// second read takes place only if `may_vary` is set.
async fn fetch_at(
    layer: &LayerState,
    address: &str,
    lookup_key: LookupKey<'_>,
    may_vary: bool,
) -> Result<(StoreValue, (Option<String>, Fingerprint)), Option<MissReason>> {
    let engine = &*layer.engine;
    let store = engine.open_store().ok_or(None)?;
    let local = engine.trusted_local_position().ok_or_else(|| untrusted_reason(engine))?;
    let fetched = async {
        match fetch_value(layer, &**store, address, lookup_key, local).await? {
            (StoreValue::VaryFields(fields), _) if may_vary => {
                let variants = match lookup_key.access {
                    Access::Serve => layer.http.memory.insert_vary_fields(lookup_key.key, fields),
                    Access::Inspect => Arc::new(Variants::of(fields)),
                };
                let address = variant_address(lookup_key.key, lookup_key.headers, &variants);
                let (read, fingerprint) = fetch_value(layer, &**store, &address, lookup_key, local).await?;
                Ok((read, (Some(address), fingerprint)))
            }
            (read, fingerprint) => Ok((read, (None, fingerprint))),
        }
    };
    let began = engine.clock.boot();
    let fetched = fetched.await;
    if lookup_key.access == Access::Serve {
        engine.report.store_result(StoreOp::Read, began, &fetched, &*engine.clock);
    }
    fetched.map_err(|_| Some(MissReason::StoreError))
}

/// Returns what the shared tier has for a request, for an explanation.
///
/// The error is the reason why it cannot be read, or `None` if there is no open store.
pub(crate) async fn inspect_shared(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
) -> Result<StoreValue, Option<MissReason>> {
    let address = address::primary(lookup_key.key);
    fetch_at(layer, &address, lookup_key, true).await.map(|(value, _)| value)
}

/// Evaluates a value that another instance stored while this one claimed the lease.
///
/// `local` is the local number of this instance when it sent the claim. Returns `None` if the value
/// leads to a response elsewhere, or must be removed. The caller then has to look in the shared
/// tier again.
pub(crate) fn lookup_from_value(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    value: Bytes,
    local: u64,
    missing: MissReason,
) -> Option<Lookup> {
    match decode_value(layer, lookup_key, Some(value), local) {
        StoreValue::VaryFields(_) | StoreValue::Unreadable | StoreValue::Redirect => None,
        read => Some(lookup_from_store_value(layer, lookup_key, read, missing)),
    }
}

/// Evaluates a value of the shared tier. Puts a response that the request can use into memory.
fn lookup_from_store_value(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    read: StoreValue,
    missing: MissReason,
) -> Lookup {
    let cached = match read {
        StoreValue::Response(cached) => cached,
        StoreValue::VaryFields(_) | StoreValue::OtherVariant => return Lookup::Miss(MissReason::Vary, None),
        StoreValue::Absent | StoreValue::Redirect => return Lookup::Miss(missing, None),
        // During a deploy. It is not removed, and a fill of ours replaces it only by rule 16.
        StoreValue::OtherVersion | StoreValue::Unreadable => {
            return Lookup::Miss(MissReason::Unreadable, None);
        }
    };
    // The response has just arrived.
    let reuse = evaluate_reuse_for(layer, lookup_key, &cached, cached.received_at());
    let lookup = Lookup::from_reuse(cached, Tier::Shared, reuse, lookup_key.headers);
    // A partial response that does not satisfy the request is not inserted: it would replace
    // another one in memory.
    if let Lookup::Fresh(cached, _) | Lookup::Stale(StaleResponse { cached, .. }) = &lookup {
        if lookup_key.access == Access::Serve {
            layer.insert_in_memory(cached, lookup_key.matched_path);
        }
    }
    lookup
}

/// A key and its primary address in the shared tier, in one string.
pub(crate) struct KeyAndAddress(String);

impl KeyAndAddress {
    pub(crate) fn new(key: &str) -> Self {
        Self(address::primary(key))
    }

    pub(crate) fn address(&self) -> &str {
        &self.0
    }

    pub(crate) fn key(&self) -> &str {
        // The address is the key in braces.
        self.0.get(1..self.0.len() - 1).unwrap_or_default()
    }
}

/// Returns the address of the variant that the request selects.
fn variant_address(key: &str, headers: &HeaderMap, variants: &Variants) -> String {
    address::variant(key, variants.variant_for(headers))
}
