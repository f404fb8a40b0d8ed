//! Looking a request up in this process's memory.

use http::HeaderMap;
use larder_core::http::reuse::Reuse;
use larder_core::outcome::{MissReason, Tier};
use larder_core::time::Boot;

use crate::http::layer_state::LayerState;
use crate::http::lookup::Known;
use crate::http::lookup::eligibility::{Look, credentials_reason};
use crate::http::lookup::reuse::evaluate_reuse;
use crate::http::memory::Found;
use crate::http::memory::cached_response::Held;

/// What this process's memory knows about a request.
#[inline]
pub(crate) fn lookup_memory(route: &LayerState, look: Look, key: &str, headers: &HeaderMap, now: Boot) -> Known {
    let known = lookup_memory_any(route, key, headers, now);
    restrict_to_shareable(look, known)
}

/// What a request with these credentials may have of what is known.
#[inline]
pub(crate) fn restrict_to_shareable(look: Look, known: Known) -> Known {
    if credentials_reason(look.credentials).is_none() {
        return known;
    }
    match known {
        // RFC 9111 §3.5, and the same for cookies: only what says of itself that it may be shared.
        Known::Fresh(held, tier) if held.meta.flags.shareable => Known::Fresh(held, tier),
        _ => Known::Pass,
    }
}

#[inline]
pub(crate) fn lookup_memory_any(route: &LayerState, key: &str, headers: &HeaderMap, now: Boot) -> Known {
    lookup_memory_with(route, key, headers, now, |held| evaluate_reuse(route, held, headers, now))
}

#[inline]
pub(crate) fn lookup_memory_with(
    route: &LayerState,
    key: &str,
    headers: &HeaderMap,
    now: Boot,
    weigh: impl FnOnce(&Held) -> Reuse,
) -> Known {
    match route.http.memory.find(key, headers, now) {
        Found::Held(held) => match weigh(&held) {
            Reuse::Refused(reason) => {
                if reason == MissReason::Invalidated {
                    route.http.memory.remove(&held);
                }
                Known::Missing(reason)
            }
            weighed => Known::of(held, Tier::Memory, weighed, headers),
        },
        Found::OtherVariants(_) => Known::Missing(MissReason::Vary),
        Found::Pass => Known::Pass,
        Found::Nothing => Known::Missing(MissReason::NeverStored),
    }
}

/// Whether a look at memory can be left out, as nothing is in it.
#[inline]
pub(crate) fn is_store_only(route: &LayerState, look: Look) -> bool {
    route.shared_alone && credentials_reason(look.credentials).is_none()
}
