//! Fresh responses on the shortest path.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use larder_core::outcome::{Outcome, Tier};
use larder_core::time::BootTime;

use crate::http::cache_status;
use crate::http::layer_state::LayerState;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::serve::downstream_fields::set_downstream_fields;
use crate::http::serve::extra_fields::add_extra_fields;
use crate::http::serve::full_response::FullResponse;
use crate::http::serve::select::select_representation;

/// Serves a fresh response on the shortest path.
///
/// The only copy made here is that of the header map.
#[inline]
pub(crate) fn hit(
    layer: &LayerState,
    traits: RequestTraits,
    key: &str,
    parts: &Parts,
    cached: &CachedResponse,
    tier: Tier,
    now: BootTime,
) -> FullResponse {
    let outcome = Outcome::Hit(tier);
    if traits.head || traits.conditional || traits.range || layer.policy.adds_fields {
        return hit_selected(layer, traits, key, parts, cached, tier, now);
    }
    let render = || {
        let mut fields = cached.headers.clone();
        add_cache_status(layer, &mut fields, cached, outcome, now);
        fields
    };
    let fields = match tier {
        Tier::Memory => cached.rendered(now, render),
        Tier::Shared => render(),
    };
    FullResponse { status: cached.status, fields, body: cached.body.clone() }
}

/// Serves a fresh response to a `HEAD`, a conditional request or a request for ranges.
///
/// If the policy adds further fields, every hit takes this path, which adds them.
#[cold]
fn hit_selected(
    layer: &LayerState,
    traits: RequestTraits,
    key: &str,
    parts: &Parts,
    cached: &CachedResponse,
    tier: Tier,
    now: BootTime,
) -> FullResponse {
    let mut whole = select_representation(cached, &parts.headers, traits);
    add_cache_status(layer, &mut whole.fields, cached, Outcome::Hit(tier), now);
    set_downstream_fields(layer, cached, now, whole.status, &mut whole.fields);
    if layer.policy.adds_fields {
        add_extra_fields(layer, &parts.headers, &mut whole.fields, key, Some(&cached.meta.position));
    }
    whole
}

/// Serves a fresh response from the shared tier, without a copy of the header map if possible.
///
/// The map is moved out of the response if nothing else refers to the response.
pub(crate) fn hit_owned(
    layer: &LayerState,
    traits: RequestTraits,
    key: &str,
    parts: &Parts,
    mut cached: Arc<CachedResponse>,
    now: BootTime,
) -> FullResponse {
    let Some(own) =
        Arc::get_mut(&mut cached).filter(|_| !traits.head && !traits.conditional && !traits.range)
    else {
        return hit(layer, traits, key, parts, &cached, Tier::Shared, now);
    };
    let (mut fields, body) = (std::mem::take(&mut own.headers), std::mem::take(&mut own.body));
    add_cache_status(layer, &mut fields, &cached, Outcome::Hit(Tier::Shared), now);
    set_downstream_fields(layer, &cached, now, cached.status, &mut fields);
    if layer.policy.adds_fields {
        add_extra_fields(layer, &parts.headers, &mut fields, key, Some(&cached.meta.position));
    }
    FullResponse { status: cached.status, fields, body }
}

/// Adds `Age`, `X-Cache` and `Cache-Status` to a response that is served from the cache.
pub(super) fn add_cache_status(
    layer: &LayerState,
    fields: &mut HeaderMap,
    cached: &CachedResponse,
    outcome: Outcome,
    now: BootTime,
) {
    cache_status::set_hit(
        &layer.http.reporting,
        fields,
        outcome,
        cached.age(now),
        cached.meta.lifetime.fresh,
        cached.upstream_cache_status.as_ref(),
    );
}
