//! Lookups in the memory tier.

use std::sync::Arc;

use http::HeaderMap;
use larder_core::http::reuse::Reuse;
use larder_core::outcome::{MissReason, Tier};
use larder_core::time::BootTime;

use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::{RequestTraits, credentials_reason};
use crate::http::lookup::reuse::evaluate_reuse;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::{Access, MemoryLookup};

/// Looks a request up in the memory tier.
///
/// A request with undeclared credentials gets only a response that may be shared.
#[inline]
pub(crate) fn lookup_memory(
    layer: &LayerState,
    traits: RequestTraits,
    key: &str,
    headers: &HeaderMap,
    now: BootTime,
) -> Lookup {
    let lookup = lookup_memory_any(layer, Access::Serve, key, headers, now);
    restrict_to_shareable(traits, lookup)
}

/// Restricts the result of a lookup to what the credentials of the request permit.
#[inline]
pub(crate) fn restrict_to_shareable(traits: RequestTraits, lookup: Lookup) -> Lookup {
    if credentials_reason(traits.credentials).is_none() {
        return lookup;
    }
    match lookup {
        // RFC 9111 §3.5, and the same for cookies: the response itself must say that it may be
        // shared.
        Lookup::Fresh(cached, tier) if cached.meta.flags.shareable => Lookup::Fresh(cached, tier),
        _ => Lookup::HitForMiss,
    }
}

/// Looks a key up in the memory tier, without regard to credentials.
#[inline]
pub(crate) fn lookup_memory_any(
    layer: &LayerState,
    access: Access,
    key: &str,
    headers: &HeaderMap,
    now: BootTime,
) -> Lookup {
    lookup_memory_with(layer, access, key, headers, now, |cached| evaluate_reuse(layer, cached, headers, now))
}

/// Looks a key up in the memory tier. `evaluate` decides how the response found may be reused.
///
/// An invalidated response is removed, unless the lookup only inspects.
#[inline]
pub(crate) fn lookup_memory_with(
    layer: &LayerState,
    access: Access,
    key: &str,
    headers: &HeaderMap,
    now: BootTime,
    evaluate: impl FnOnce(&CachedResponse) -> Reuse,
) -> Lookup {
    match layer.http.memory.find_as(access, key, headers, now) {
        MemoryLookup::Found(cached) => match evaluate(&cached) {
            Reuse::Refused(reason) => refused(layer, access, &cached, reason),
            reuse => Lookup::from_reuse(cached, Tier::Memory, reuse, headers),
        },
        MemoryLookup::OtherVariants(variants) => {
            Lookup::Miss(layer.http.memory.other_variants_reason(key, headers, &variants, now), None)
        }
        MemoryLookup::HitForMiss => Lookup::HitForMiss,
        MemoryLookup::Absent => Lookup::Miss(layer.http.memory.absence_reason(key, now), None),
    }
}

/// Removes a response that the log refuses, unless the lookup only inspects.
///
/// The value that the shared tier has of it is of no use either, so the request may claim the lease
/// without a lookup.
#[cold]
fn refused(layer: &LayerState, access: Access, cached: &Arc<CachedResponse>, reason: MissReason) -> Lookup {
    let is_refused = matches!(reason, MissReason::Invalidated | MissReason::LogRestarted);
    if !is_refused || access != Access::Serve {
        return Lookup::Miss(reason, None);
    }
    layer.http.memory.remove(cached);
    Lookup::Miss(reason, cached.claim_target().map(Box::new))
}

/// Whether the lookup in memory can be skipped, because the memory tier is off.
#[inline]
pub(crate) fn is_store_only(layer: &LayerState, traits: RequestTraits) -> bool {
    layer.store_only && credentials_reason(traits.credentials).is_none()
}
