//! Looking for a request's response, and for those to equivalent queries.

use http::request::Parts;
use larder_core::outcome::MissReason;
use larder_core::stored::address;
use larder_core::stored::wire::{self, Decoded};
use larder_core::time::Boot;

use crate::engine::lease::claim::ClaimTarget;
use crate::engine::report::store_health::StoreOp;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::from_memory::{
    lookup_memory, lookup_memory_any, lookup_memory_with, restrict_to_shareable,
};
use crate::http::lookup::from_store::lookup_shared_key;
use crate::http::lookup::query_scope::{LookupKey, QueryScope};
use crate::http::lookup::reuse::evaluate_reuse_for;

/// What this process's memory knows about a request with this key of its own.
pub(crate) fn lookup_memory_scoped(
    layer: &LayerState,
    traits: RequestTraits,
    exact: &str,
    parts: &Parts,
    now: Boot,
) -> Lookup {
    match QueryScope::of(layer, parts, exact) {
        None => lookup_memory(layer, traits, exact, &parts.headers, now),
        Some(scope) => {
            let key = scope.lookup_key();
            let lookup_key = LookupKey { key: &key, headers: &parts.headers, scope: Some(&scope) };
            restrict_to_shareable(traits, lookup_memory_for(layer, lookup_key, now))
        }
    }
}

/// What this process's memory knows about what is sought: what answers equivalent queries first.
pub(crate) fn lookup_memory_for(layer: &LayerState, lookup_key: LookupKey<'_>, now: Boot) -> Lookup {
    let LookupKey { key, headers, scope: Some(scope) } = lookup_key else {
        return lookup_memory_any(layer, lookup_key.key, lookup_key.headers, now);
    };
    let lookup = lookup_memory_with(layer, key, headers, now, |cached| {
        evaluate_reuse_for(layer, lookup_key, cached, now)
    });
    if key == scope.exact_key() || !matches!(lookup, Lookup::Miss(_) | Lookup::HitForMiss) {
        return lookup;
    }
    match lookup_memory_any(layer, scope.exact_key(), headers, now) {
        Lookup::Miss(_) => lookup,
        own => own,
    }
}

/// What the shared tier knows about a request that memory knows nothing of use about.
pub(crate) async fn lookup_shared(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    missing: MissReason,
) -> Lookup {
    lookup_shared_observed(layer, lookup_key, missing).await.0
}

/// What the shared tier knows about a request that memory knows nothing of use about, and what was seen where, for a
/// claim to the lease. Nothing of that, if the shared tier was not asked or did not answer.
pub(crate) async fn lookup_shared_observed(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    missing: MissReason,
) -> (Lookup, Option<ClaimTarget>) {
    match lookup_key.scope {
        None => lookup_shared_key(layer, lookup_key, missing).await,
        Some(scope) => lookup_shared_equivalents(layer, lookup_key, scope, missing).await,
    }
}

/// What the shared tier knows: under the key that equivalent queries have in common and under the request's own, or, where
/// the first is not known, under its own, and what that key may be.
async fn lookup_shared_equivalents(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    scope: &QueryScope,
    missing: MissReason,
) -> (Lookup, Option<ClaimTarget>) {
    let beside = async {
        if lookup_key.key != scope.exact_key() {
            let own = LookupKey { key: scope.exact_key(), ..lookup_key };
            return Some(lookup_shared_key(layer, own, missing).await.0);
        }
        if scope.should_fetch_variation() {
            fetch_variation(layer, scope).await;
        }
        None
    };
    // Together: one after the other would make a miss take longer.
    let ((lookup, seen), beside) = tokio::join!(lookup_shared_key(layer, lookup_key, missing), beside);
    match (lookup, beside) {
        (Lookup::Miss(_), Some(own @ (Lookup::Fresh(..) | Lookup::Stale(_) | Lookup::Partial(_)))) => {
            (own, seen)
        }
        (lookup, _) => (lookup, seen),
    }
}

/// Learns what another instance, or this one before it was started again, was told of equivalent queries.
async fn fetch_variation(layer: &LayerState, scope: &QueryScope) {
    let inner = &*layer.engine;
    let Some(store) = inner.open_store().filter(|_| layer.engine.trusted_local_position().is_some()) else {
        return;
    };
    match store.get(&address::variation(scope.base_key())).await {
        Ok(Some(value)) => {
            if let Ok(Decoded::Told(told)) = wire::decode(value, scope.base_key()) {
                layer.http.variations.record(scope.base_key(), told, inner.clock.wall(), inner.clock.boot());
            }
        }
        Ok(None) => {}
        Err(error) => inner.report.store_error(StoreOp::Read, &error, &*inner.clock),
    }
}
