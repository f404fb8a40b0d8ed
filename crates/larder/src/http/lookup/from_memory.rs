//! Looking a request up in this process's memory.

use http::HeaderMap;
use larder_core::http::reuse::Reuse;
use larder_core::outcome::{MissReason, Tier};
use larder_core::time::Boot;

use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::{RequestTraits, credentials_reason};
use crate::http::lookup::reuse::evaluate_reuse;
use crate::http::memory::MemoryLookup;
use crate::http::memory::cached_response::CachedResponse;

/// What this process's memory knows about a request.
#[inline]
pub(crate) fn lookup_memory(
    layer: &LayerState,
    traits: RequestTraits,
    key: &str,
    headers: &HeaderMap,
    now: Boot,
) -> Lookup {
    let lookup = lookup_memory_any(layer, key, headers, now);
    restrict_to_shareable(traits, lookup)
}

/// What a request with these credentials may have of what is known.
#[inline]
pub(crate) fn restrict_to_shareable(traits: RequestTraits, lookup: Lookup) -> Lookup {
    if credentials_reason(traits.credentials).is_none() {
        return lookup;
    }
    match lookup {
        // RFC 9111 §3.5, and the same for cookies: only what says of itself that it may be shared.
        Lookup::Fresh(cached, tier) if cached.meta.flags.shareable => Lookup::Fresh(cached, tier),
        _ => Lookup::HitForMiss,
    }
}

#[inline]
pub(crate) fn lookup_memory_any(layer: &LayerState, key: &str, headers: &HeaderMap, now: Boot) -> Lookup {
    lookup_memory_with(layer, key, headers, now, |cached| evaluate_reuse(layer, cached, headers, now))
}

#[inline]
pub(crate) fn lookup_memory_with(
    layer: &LayerState,
    key: &str,
    headers: &HeaderMap,
    now: Boot,
    weigh: impl FnOnce(&CachedResponse) -> Reuse,
) -> Lookup {
    match layer.http.memory.find(key, headers, now) {
        MemoryLookup::Found(cached) => match weigh(&cached) {
            Reuse::Refused(reason) => {
                if reason == MissReason::Invalidated {
                    layer.http.memory.remove(&cached);
                }
                Lookup::Miss(reason)
            }
            reuse => Lookup::from_reuse(cached, Tier::Memory, reuse, headers),
        },
        MemoryLookup::OtherVariants(_) => Lookup::Miss(MissReason::Vary),
        MemoryLookup::HitForMiss => Lookup::HitForMiss,
        MemoryLookup::Absent => Lookup::Miss(MissReason::NeverStored),
    }
}

/// Whether a look at memory can be left out, as nothing is in it.
#[inline]
pub(crate) fn is_store_only(layer: &LayerState, traits: RequestTraits) -> bool {
    layer.store_only && credentials_reason(traits.credentials).is_none()
}
