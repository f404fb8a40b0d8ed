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
pub(crate) fn lookup_memory(route: &LayerState, look: RequestTraits, key: &str, headers: &HeaderMap, now: Boot) -> Lookup {
    let known = lookup_memory_any(route, key, headers, now);
    restrict_to_shareable(look, known)
}

/// What a request with these credentials may have of what is known.
#[inline]
pub(crate) fn restrict_to_shareable(look: RequestTraits, known: Lookup) -> Lookup {
    if credentials_reason(look.credentials).is_none() {
        return known;
    }
    match known {
        // RFC 9111 §3.5, and the same for cookies: only what says of itself that it may be shared.
        Lookup::Fresh(held, tier) if held.meta.flags.shareable => Lookup::Fresh(held, tier),
        _ => Lookup::HitForMiss,
    }
}

#[inline]
pub(crate) fn lookup_memory_any(route: &LayerState, key: &str, headers: &HeaderMap, now: Boot) -> Lookup {
    lookup_memory_with(route, key, headers, now, |held| evaluate_reuse(route, held, headers, now))
}

#[inline]
pub(crate) fn lookup_memory_with(
    route: &LayerState,
    key: &str,
    headers: &HeaderMap,
    now: Boot,
    weigh: impl FnOnce(&CachedResponse) -> Reuse,
) -> Lookup {
    match route.http.memory.find(key, headers, now) {
        MemoryLookup::Found(held) => match weigh(&held) {
            Reuse::Refused(reason) => {
                if reason == MissReason::Invalidated {
                    route.http.memory.remove(&held);
                }
                Lookup::Miss(reason)
            }
            weighed => Lookup::from_reuse(held, Tier::Memory, weighed, headers),
        },
        MemoryLookup::OtherVariants(_) => Lookup::Miss(MissReason::Vary),
        MemoryLookup::HitForMiss => Lookup::HitForMiss,
        MemoryLookup::Absent => Lookup::Miss(MissReason::NeverStored),
    }
}

/// Whether a look at memory can be left out, as nothing is in it.
#[inline]
pub(crate) fn is_store_only(route: &LayerState, look: RequestTraits) -> bool {
    route.store_only && credentials_reason(look.credentials).is_none()
}
