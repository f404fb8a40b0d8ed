//! The log's verdict and RFC 9111 §4, for one stored response.

use http::HeaderMap;
use larder_core::http::cache_control::{RequestDirectives, ResponseDirectives};
use larder_core::http::reuse::{Reuse, reuse};
use larder_core::log::table::Verdict;
use larder_core::time::Boot;

use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::LookupKey;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// What the log and the rules of reuse say of a stored response.
#[inline]
pub(crate) fn evaluate_reuse(
    layer: &LayerState,
    cached: &CachedResponse,
    headers: &HeaderMap,
    now: Boot,
) -> Reuse {
    let (verdict, confirmed) = layer.engine.log.verdict(cached, now);
    // What the rule below says of nearly every hit, without its arithmetic.
    if verdict == Verdict::Valid
        && confirmed
        && !layer.policy.store.follow_request
        && cached.is_unconditionally_fresh(now)
    {
        return Reuse::Fresh { left: cached.fresh_for(now) };
    }
    evaluate_reuse_slow(layer, cached, headers, (verdict, confirmed), now)
}

pub(crate) fn evaluate_reuse_slow(
    layer: &LayerState,
    cached: &CachedResponse,
    headers: &HeaderMap,
    (verdict, confirmed): (Verdict, bool),
    now: Boot,
) -> Reuse {
    let directives =
        layer.policy.store.follow_request.then(|| effective_request_directives(layer, cached, headers, now));
    reuse(&cached.candidate(verdict, confirmed, now), directives.as_ref())
}

/// What the log and the rules of reuse say of a stored response, for this request.
///
/// Whoever invalidates a URI is not to be shown under it what was made before, for whichever URI: the names that the
/// request's own response would have count as well.
pub(crate) fn evaluate_reuse_for(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    cached: &CachedResponse,
    now: Boot,
) -> Reuse {
    let Some(scope) = lookup_key.scope.filter(|scope| scope.is_equivalent_response(cached)) else {
        return evaluate_reuse(layer, cached, lookup_key.headers, now);
    };
    let (verdict, confirmed) = layer.engine.log.verdict(cached, now);
    let own = layer.engine.log.read(|tail| tail.check(&cached.meta.position, scope.request_names(), now));
    evaluate_reuse_slow(layer, cached, lookup_key.headers, (verdict.and(own), confirmed), now)
}

/// What a request asks of a response.
fn effective_request_directives(
    layer: &LayerState,
    cached: &CachedResponse,
    headers: &HeaderMap,
    now: Boot,
) -> RequestDirectives {
    let asked = RequestDirectives::parse(headers);
    let is_immutable = || !cached.fresh_for(now).is_zero() && is_immutable(layer, cached);
    if asked.max_age.is_some() && is_immutable() { asked.of_immutable() } else { asked }
}

/// Whether a response says that it does not change while it is fresh.
pub(crate) fn is_immutable(layer: &LayerState, cached: &CachedResponse) -> bool {
    ResponseDirectives::of(&cached.headers, &layer.policy.store.targets).immutable
}

/// Whether what is stale may be served because the handler failed. Asked when it has: it may have taken its time, and an
/// invalidation may have come meanwhile.
pub(crate) fn may_serve_on_error(
    layer: &LayerState,
    context: &RequestContext,
    stale: &StaleResponse,
) -> bool {
    let reuse = evaluate_reuse_for(layer, context.lookup_key(), &stale.cached, layer.engine.clock.boot());
    matches!(reuse, Reuse::Stale { if_error: true, .. })
}

/// Whether what is to be refreshed is fresh, as it is where that is done early.
pub(crate) fn is_still_fresh(
    layer: &LayerState,
    context: &RequestContext,
    stale: Option<&StaleResponse>,
) -> bool {
    let now = layer.engine.clock.boot();
    stale.is_some_and(|stale| {
        matches!(evaluate_reuse_for(layer, context.lookup_key(), &stale.cached, now), Reuse::Fresh { .. })
    })
}
