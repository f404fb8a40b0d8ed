//! Looking a request up in the shared tier.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use larder_core::outcome::{MissReason, Tier};
use larder_core::stored::address;

use crate::engine::lease::claim::ClaimTarget;
use crate::engine::report::store_health::StoreOp;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::query_scope::LookupKey;
use crate::http::lookup::reuse::evaluate_reuse_for;
use crate::http::lookup::store_value::{Fingerprint, StoreValue, decode_value, fetch_value};
use crate::http::memory::MemoryLookup;
use crate::http::memory::slot::Variants;
use crate::http::memory::stale_response::StaleResponse;

/// What the shared tier knows about a request, where nothing is kept in memory.
pub(crate) async fn lookup_store_only(
    layer: &LayerState,
    named: &KeyAndAddress,
    headers: &HeaderMap,
) -> Lookup {
    let missing = MissReason::NeverStored;
    let lookup_key = LookupKey { key: named.key(), headers, scope: None };
    match fetch_at(layer, named.address(), lookup_key, true).await {
        Ok((read, _)) => lookup_from_store_value(layer, lookup_key, read, missing),
        Err(reason) => Lookup::Miss(reason.unwrap_or(missing)),
    }
}

/// What the shared tier knows under one key.
pub(crate) async fn lookup_shared_key(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    missing: MissReason,
) -> (Lookup, Option<ClaimTarget>) {
    match fetch_shared(layer, lookup_key).await {
        Ok((read, seen)) => (lookup_from_store_value(layer, lookup_key, read, missing), Some(seen)),
        Err(reason) => (Lookup::Miss(reason.unwrap_or(missing)), None),
    }
}

/// Reads the fingerprint that a claim to the lease needs. The stored response is neither served nor kept.
pub(crate) async fn observe_shared(layer: &LayerState, lookup_key: LookupKey<'_>) -> Option<ClaimTarget> {
    fetch_shared(layer, lookup_key).await.ok().map(|(_, seen)| seen)
}

/// Reads from the shared tier; or the reason why it is of no use, if it is one.
async fn fetch_shared(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
) -> Result<(StoreValue, ClaimTarget), Option<MissReason>> {
    let LookupKey { key, headers, .. } = lookup_key;
    let variant = match layer.http.memory.find(key, headers, layer.engine.clock.boot()) {
        MemoryLookup::OtherVariants(variants) => Some(variant_address(key, headers, &variants)),
        _ => None,
    };
    let may_vary = variant.is_none();
    let address = variant.unwrap_or_else(|| address::primary(key));
    let (read, (variant, fingerprint)) = fetch_at(layer, &address, lookup_key, may_vary).await?;
    Ok((read, ClaimTarget { address: variant.unwrap_or(address), fingerprint }))
}

/// Reads what is at an address and, if that says that the responses vary, at that of the variant. Also tells what was
/// seen: the address of the variant, if it was asked for, and the fingerprint of the value.
async fn fetch_at(
    layer: &LayerState,
    address: &str,
    lookup_key: LookupKey<'_>,
    may_vary: bool,
) -> Result<(StoreValue, (Option<String>, Fingerprint)), Option<MissReason>> {
    let inner = &*layer.engine;
    let store = inner.open_store().ok_or(None)?;
    let local = layer.engine.trusted_local_position().ok_or(MissReason::Unconfirmed)?;
    let asked = async {
        match fetch_value(layer, &**store, address, lookup_key, local).await? {
            (StoreValue::VaryFields(fields), _) if may_vary => {
                let variants = layer.http.memory.insert_vary_fields(lookup_key.key, fields);
                let address = variant_address(lookup_key.key, lookup_key.headers, &variants);
                let (read, fingerprint) = fetch_value(layer, &**store, &address, lookup_key, local).await?;
                Ok((read, (Some(address), fingerprint)))
            }
            (read, fingerprint) => Ok((read, (None, fingerprint))),
        }
    };
    match asked.await {
        Ok(read) => {
            inner.report.store_ok(StoreOp::Read, &*inner.clock);
            Ok(read)
        }
        Err(error) => {
            inner.report.store_error(StoreOp::Read, &error, &*inner.clock);
            Err(Some(MissReason::StoreError))
        }
    }
}

/// What the rules make of a value that another instance stored while this one asked for the lease; `None` if it is no
/// response, so that the shared tier has to be looked at anew.
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

fn lookup_from_store_value(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    read: StoreValue,
    missing: MissReason,
) -> Lookup {
    let cached = match read {
        StoreValue::Response(cached) => cached,
        StoreValue::VaryFields(_) | StoreValue::OtherVariant => return Lookup::Miss(MissReason::Vary),
        StoreValue::Absent | StoreValue::Redirect => return Lookup::Miss(missing),
        StoreValue::Unreadable => return Lookup::Miss(MissReason::Unreadable),
    };
    // It came just now.
    let reuse = evaluate_reuse_for(layer, lookup_key, &cached, cached.received_at());
    let lookup = Lookup::from_reuse(cached, Tier::Shared, reuse, lookup_key.headers);
    // A part that is of no use here takes no place: in memory there may be another one.
    if let Lookup::Fresh(cached, _) | Lookup::Stale(StaleResponse { cached, .. }) = &lookup {
        if layer.http.memory.is_enabled() {
            layer.http.memory.insert(Arc::clone(cached));
        }
    }
    lookup
}

/// A key, and its own address in the shared tier, in one text.
pub(crate) struct KeyAndAddress(String);

impl KeyAndAddress {
    pub(crate) fn new(key: &str) -> Self {
        Self(address::primary(key))
    }

    pub(crate) fn address(&self) -> &str {
        &self.0
    }

    pub(crate) fn key(&self) -> &str {
        // Between the braces.
        self.0.get(1..self.0.len() - 1).unwrap_or_default()
    }
}

fn variant_address(key: &str, headers: &HeaderMap, variants: &Variants) -> String {
    address::variant(key, variants.variant_for(headers))
}
