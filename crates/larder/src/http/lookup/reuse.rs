//! The decision how one stored response may be reused: the log's verdict and RFC 9111 §4.

use http::HeaderMap;
use larder_core::http::cache_control::{RequestDirectives, ResponseDirectives};
use larder_core::http::reuse::{Candidate, Reuse, reuse};
use larder_core::invalidation::table::Verdict;
use larder_core::outcome::MissReason;
use larder_core::time::BootTime;

use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::LookupKey;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// Decides how a stored response may be reused, by the invalidation log and RFC 9111 §4.
#[inline]
pub(crate) fn evaluate_reuse(
    layer: &LayerState,
    cached: &CachedResponse,
    headers: &HeaderMap,
    now: BootTime,
) -> Reuse {
    let (verdict, confirmed) = layer.engine.log.verdict(cached, now);
    // A shortcut for nearly every hit. The full rule comes to the same result with more arithmetic.
    if verdict == Verdict::Valid
        && confirmed
        && !layer.policy.store.honor_request
        && cached.is_unconditionally_fresh(now)
    {
        return Reuse::Fresh { left: cached.fresh_for(now) };
    }
    evaluate_reuse_slow(layer, cached, headers, cached.candidate(verdict, confirmed, now), now)
}

/// Applies the full rule to a stored response.
fn evaluate_reuse_slow(
    layer: &LayerState,
    cached: &CachedResponse,
    headers: &HeaderMap,
    candidate: Candidate,
    now: BootTime,
) -> Reuse {
    let directives =
        layer.policy.store.honor_request.then(|| effective_request_directives(layer, cached, headers, now));
    match reuse(&candidate, directives.as_ref()) {
        Reuse::Refused(MissReason::Invalidated) => Reuse::Refused(layer.engine.log.refusal_reason(cached)),
        permitted => permitted,
    }
}

/// Decides how a stored response may be reused for a request that may be an equivalent one.
///
/// An invalidation of a URI must take effect for that URI, even if the stored response was created
/// for an equivalent one. So the names that the request's own response would have are checked too.
pub(crate) fn evaluate_reuse_for(
    layer: &LayerState,
    lookup_key: LookupKey<'_>,
    cached: &CachedResponse,
    now: BootTime,
) -> Reuse {
    let Some(scope) = lookup_key.scope.filter(|scope| scope.is_equivalent_response(cached)) else {
        return evaluate_reuse(layer, cached, lookup_key.headers, now);
    };
    let (verdict, confirmed) = layer.engine.log.verdict(cached, now);
    let own = layer.engine.log.read(|tail| tail.check(&cached.meta.position, scope.request_names(), now));
    let candidate = cached.candidate(verdict.and(own), confirmed, now);
    evaluate_reuse_slow(layer, cached, lookup_key.headers, candidate, now)
}

/// Returns the directives of a request, as far as they apply to this response.
///
/// For an immutable response that is fresh, `max-age` does not apply.
fn effective_request_directives(
    layer: &LayerState,
    cached: &CachedResponse,
    headers: &HeaderMap,
    now: BootTime,
) -> RequestDirectives {
    let directives = RequestDirectives::parse(headers);
    let is_immutable = || !cached.fresh_for(now).is_zero() && is_immutable(layer, cached);
    if directives.max_age.is_some() && is_immutable() { directives.without_max_age() } else { directives }
}

/// Whether a response states that it does not change while it is fresh (`immutable`).
pub(crate) fn is_immutable(layer: &LayerState, cached: &CachedResponse) -> bool {
    ResponseDirectives::of(&cached.fields.to_table(), &layer.policy.store.targeted_fields).immutable
}

/// Whether a stale response may be served because the handler failed.
///
/// This is checked after the failure: the handler may have taken a long time, and an invalidation
/// may have arrived in the meantime.
pub(crate) fn may_serve_on_error(
    layer: &LayerState,
    context: &RequestContext,
    stale: &StaleResponse,
) -> bool {
    let reuse = evaluate_reuse_for(layer, context.lookup_key(), &stale.cached, layer.engine.clock.boot());
    matches!(reuse, Reuse::Stale { if_error: true, .. })
}

/// Whether other requests should wait for the fill that replaces this response.
///
/// If not, it is served while it is refreshed, or each request validates it for itself.
pub(crate) fn is_worth_a_flight(layer: &LayerState, stale: &StaleResponse) -> bool {
    !stale.while_revalidate && !stale.cached.is_hit_for_miss(layer.engine.clock.boot())
}

/// Whether the response to refresh is still fresh, as in an early refresh.
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
