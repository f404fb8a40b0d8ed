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
use crate::http::lookup::query_scope::{QueryScope, LookupKey};
use crate::http::lookup::reuse::evaluate_reuse_for;

/// What this process's memory knows about a request with this key of its own.
pub(crate) fn lookup_memory_scoped(
    route: &LayerState,
    look: RequestTraits,
    exact: &str,
    parts: &Parts,
    now: Boot,
) -> Lookup {
    match QueryScope::of(route, parts, exact) {
        None => lookup_memory(route, look, exact, &parts.headers, now),
        Some(search) => {
            let key = search.lookup_key();
            let sought = LookupKey { key: &key, headers: &parts.headers, search: Some(&search) };
            restrict_to_shareable(look, lookup_memory_for(route, sought, now))
        }
    }
}

/// What this process's memory knows about what is sought: what answers equivalent queries first.
pub(crate) fn lookup_memory_for(route: &LayerState, sought: LookupKey<'_>, now: Boot) -> Lookup {
    let LookupKey { key, headers, search: Some(search) } = sought else {
        return lookup_memory_any(route, sought.key, sought.headers, now);
    };
    let known =
        lookup_memory_with(route, key, headers, now, |held| evaluate_reuse_for(route, sought, held, now));
    if key == search.exact_key() || !matches!(known, Lookup::Miss(_) | Lookup::HitForMiss) {
        return known;
    }
    match lookup_memory_any(route, search.exact_key(), headers, now) {
        Lookup::Miss(_) => known,
        own => own,
    }
}

/// What the shared tier knows about a request that memory knows nothing of use about.
pub(crate) async fn lookup_shared(route: &LayerState, sought: LookupKey<'_>, missing: MissReason) -> Lookup {
    lookup_shared_observed(route, sought, missing).await.0
}

/// What the shared tier knows about a request that memory knows nothing of use about, and what was seen where, for a
/// claim to the lease. Nothing of that, if the shared tier was not asked or did not answer.
pub(crate) async fn lookup_shared_observed(
    route: &LayerState,
    sought: LookupKey<'_>,
    missing: MissReason,
) -> (Lookup, Option<ClaimTarget>) {
    match sought.search {
        None => lookup_shared_key(route, sought, missing).await,
        Some(search) => lookup_shared_equivalents(route, sought, search, missing).await,
    }
}

/// What the shared tier knows: under the key that equivalent queries have in common and under the request's own, or, where
/// the first is not known, under its own, and what that key may be.
async fn lookup_shared_equivalents(
    route: &LayerState,
    sought: LookupKey<'_>,
    search: &QueryScope,
    missing: MissReason,
) -> (Lookup, Option<ClaimTarget>) {
    let beside = async {
        if sought.key != search.exact_key() {
            let own = LookupKey { key: search.exact_key(), ..sought };
            return Some(lookup_shared_key(route, own, missing).await.0);
        }
        if search.should_fetch_variation() {
            fetch_variation(route, search).await;
        }
        None
    };
    // Together: one after the other would make a miss take longer.
    let ((known, seen), beside) = tokio::join!(lookup_shared_key(route, sought, missing), beside);
    match (known, beside) {
        (Lookup::Miss(_), Some(own @ (Lookup::Fresh(..) | Lookup::Stale(_) | Lookup::Partial(_)))) => (own, seen),
        (known, _) => (known, seen),
    }
}

/// Learns what another instance, or this one before it was started again, was told of equivalent queries.
async fn fetch_variation(route: &LayerState, search: &QueryScope) {
    let inner = &*route.engine;
    let Some(store) = inner.open_store().filter(|_| route.engine.trusted_local_position().is_some()) else { return };
    match store.get(&address::variation(search.base_key())).await {
        Ok(Some(value)) => {
            if let Ok(Decoded::Told(told)) = wire::decode(value, search.base_key()) {
                route.http.variations.record(search.base_key(), told, inner.clock.wall(), inner.clock.boot());
            }
        }
        Ok(None) => {}
        Err(error) => inner.report.store_error(StoreOp::Read, &error, &*inner.clock),
    }
}
