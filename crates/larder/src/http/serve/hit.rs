//! Fresh responses on the shortest path.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use larder_core::outcome::{Outcome, StaleReason, Tier};
use larder_core::time::BootTime;

use crate::http::cache_status;
use crate::http::layer_state::LayerState;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::request::axum_route::is_routed;
use crate::http::serve::downstream_fields::set_downstream_fields;
use crate::http::serve::extra_fields::add_extra_fields;
use crate::http::serve::full_response::FullResponse;
use crate::http::serve::select::{fields_in_form, select_representation, served_form, with_fields};

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
    if traits.range || layer.policy.adds_fields {
        return hit_selected(layer, traits, key, parts, cached, tier, now);
    }
    serve_form(layer, traits, parts, cached, Outcome::Hit(tier), now)
}

/// Serves a stale response on the shortest path, while it is refreshed.
///
/// Returns `None` if the request needs more than that.
pub(crate) fn stale_hit(
    layer: &LayerState,
    traits: RequestTraits,
    parts: &Parts,
    cached: &CachedResponse,
    outcome: Outcome,
    now: BootTime,
) -> Option<FullResponse> {
    let is_short = !traits.range && !layer.policy.adds_fields;
    is_short.then(|| serve_form(layer, traits, parts, cached, outcome, now))
}

#[inline]
fn serve_form(
    layer: &LayerState,
    traits: RequestTraits,
    parts: &Parts,
    cached: &CachedResponse,
    outcome: Outcome,
    now: BootTime,
) -> FullResponse {
    let form = served_form(cached, &parts.headers, traits);
    let render = || {
        let mut fields = fields_in_form(cached, form);
        add_cache_status(layer, &mut fields, cached, outcome, now);
        fields
    };
    let fields = match outcome {
        Outcome::Hit(Tier::Memory) => cached.rendered(now, form, false, is_routed(parts), render),
        Outcome::Stale(Tier::Memory, StaleReason::WhileRevalidate) => {
            cached.rendered(now, form, true, is_routed(parts), render)
        }
        _ => render(),
    };
    with_fields(cached, form, fields)
}

/// Serves a fresh response to a request for ranges.
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
    let (mut fields, body) = (own.fields.take_table(), std::mem::take(&mut own.body));
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
        cached.meta.fresh(),
        cached.meta.upstream_cache_status(),
    );
}
