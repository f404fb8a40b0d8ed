//! Lookups in both tiers that also find responses to equivalent queries.

use http::request::Parts;
use larder_core::outcome::MissReason;
use larder_core::stored::address;
use larder_core::stored::wire::{self, Decoded};
use larder_core::time::BootTime;

use crate::engine::lease::claim::ClaimTarget;
use crate::engine::report::store_health::StoreOp;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::from_memory::{lookup_memory_any, lookup_memory_with, restrict_to_shareable};
use crate::http::lookup::from_store::lookup_shared_key;
use crate::http::lookup::query_scope::{LookupKey, QueryScope};
use crate::http::lookup::reuse::evaluate_reuse_for;
use crate::http::lookup::store_value::exchange;
use crate::http::memory::Access;

/// Looks a request up in the memory tier.
///
/// `exact` is the request's own key. If the policy matches equivalent queries, the key that they
/// have in common comes first.
pub(crate) fn lookup_memory_scoped(
    layer: &LayerState,
    access: Access,
    traits: RequestTraits,
    exact: &str,
    parts: &Parts,
    now: BootTime,
) -> Lookup {
    match QueryScope::of(layer, parts, exact) {
        None => restrict_to_shareable(traits, lookup_memory_any(layer, access, exact, &parts.headers, now)),
        Some(scope) => {
            let key = scope.lookup_key();
            let lookup_key = LookupKey {
                key: &key,
                headers: &parts.headers,
                scope: Some(&scope),
                access,
                store_time: None,
                matched_path: None,
            };
            restrict_to_shareable(traits, lookup_memory_for(layer, lookup_key, now))
        }
    }
}

/// Looks a key up in the memory tier, without regard to credentials.
///
/// The key that equivalent queries have in common comes first, then the request's own key.
pub(crate) fn lookup_memory_for(layer: &LayerState, lookup_key: LookupKey<'_>, now: BootTime) -> Lookup {
    let LookupKey { key, headers, scope: Some(scope), access, .. } = lookup_key else {
        return lookup_memory_any(layer, lookup_key.access, lookup_key.key, lookup_key.headers, now);
    };
    let lookup = lookup_memory_with(layer, access, key, headers, now, |cached| {
        evaluate_reuse_for(layer, lookup_key, cached, now)
    });
    if key == scope.exact_key() || !matches!(lookup, Lookup::Miss(..) | Lookup::HitForMiss) {
        return lookup;
    }
    match lookup_memory_any(layer, access, scope.exact_key(), headers, now) {
        Lookup::Miss(..) => lookup,
        own => own,
    }
}

/// Looks a request up in the shared tier, after a miss in memory.
///
/// `missing` is the reason to report if the shared tier has nothing either.
pub(crate) async fn lookup_shared(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    missing: MissReason,
) -> Lookup {
    lookup_shared_observed(layer, lookup_key, missing).await.0
}

/// Looks a request up in the shared tier, and returns the target of a lease claim as well.
///
/// The target has the address that was read and the fingerprint of the value there. It is `None`
/// if the shared tier was not asked or did not answer.
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

/// Looks in the shared tier under both keys that may have a response to the request.
///
/// These are the key that equivalent queries have in common, and the request's own key. If the
/// common key is unknown, this reads the own key and the variation from which the common key
/// follows.
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
            fetch_variation(layer, scope, lookup_key).await;
        }
        None
    };
    // Concurrently: one after the other would make a miss take longer.
    let ((lookup, seen), beside) = tokio::join!(lookup_shared_key(layer, lookup_key, missing), beside);
    match (lookup, beside) {
        (Lookup::Miss(..), Some(own @ (Lookup::Fresh(..) | Lookup::Stale(_) | Lookup::Partial(_)))) => {
            (own, seen)
        }
        (lookup, _) => (lookup, seen),
    }
}

/// Fetches the variation for equivalent queries from the shared tier, and records it.
///
/// Another instance may have stored it there, or this one before a restart. An inspection records
/// it as well: it is a fact about the store, and the next request would find it out.
async fn fetch_variation(layer: &LayerState, scope: &QueryScope, lookup_key: LookupKey<'_>) {
    let engine = &*layer.engine;
    let Some((store, local)) = engine.open_store().zip(engine.trusted_local_position()) else { return };
    let address = address::variation(scope.base_key());
    let began = engine.clock.boot();
    match exchange(lookup_key, engine.reads.read(address.as_str(), local, || store.get(&address))).await {
        Ok(Some(value)) => {
            if let Ok(Decoded::VariationHint(mut hint)) = wire::decode(value, scope.base_key()) {
                hint.at = engine.store_calendar.to_own(hint.at);
                layer.http.variations.record(
                    scope.base_key(),
                    hint,
                    engine.clock.wall(),
                    engine.clock.boot(),
                );
            }
        }
        Ok(None) => {}
        Err(_) if lookup_key.access == Access::Inspect => {}
        Err(error) => engine.report.store_error(StoreOp::Read, began, &error, &*engine.clock),
    }
}
