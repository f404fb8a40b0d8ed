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
pub(crate) fn evaluate_reuse(route: &LayerState, held: &CachedResponse, headers: &HeaderMap, now: Boot) -> Reuse {
    let (verdict, confirmed) = route.engine.log.verdict(held, now);
    // What the rule below says of nearly every hit, without its arithmetic.
    if verdict == Verdict::Valid
        && confirmed
        && !route.policy.store.follow_request
        && held.is_unconditionally_fresh(now)
    {
        return Reuse::Fresh { left: held.fresh_for(now) };
    }
    evaluate_reuse_slow(route, held, headers, (verdict, confirmed), now)
}

pub(crate) fn evaluate_reuse_slow(
    route: &LayerState,
    held: &CachedResponse,
    headers: &HeaderMap,
    (verdict, confirmed): (Verdict, bool),
    now: Boot,
) -> Reuse {
    let directives =
        route.policy.store.follow_request.then(|| effective_request_directives(route, held, headers, now));
    reuse(&held.candidate(verdict, confirmed, now), directives.as_ref())
}

/// What the log and the rules of reuse say of a stored response, for this request.
///
/// Whoever invalidates a URI is not to be shown under it what was made before, for whichever URI: the names that the
/// request's own response would have count as well.
pub(crate) fn evaluate_reuse_for(route: &LayerState, sought: LookupKey<'_>, held: &CachedResponse, now: Boot) -> Reuse {
    let Some(search) = sought.search.filter(|search| search.is_equivalent_response(held)) else {
        return evaluate_reuse(route, held, sought.headers, now);
    };
    let (verdict, confirmed) = route.engine.log.verdict(held, now);
    let own = route.engine.log.read(|tail| tail.check(&held.meta.position, search.request_names(), now));
    evaluate_reuse_slow(route, held, sought.headers, (verdict.and(own), confirmed), now)
}

/// What a request asks of a response.
fn effective_request_directives(
    route: &LayerState,
    held: &CachedResponse,
    headers: &HeaderMap,
    now: Boot,
) -> RequestDirectives {
    let asked = RequestDirectives::parse(headers);
    let is_immutable = || !held.fresh_for(now).is_zero() && is_immutable(route, held);
    if asked.max_age.is_some() && is_immutable() { asked.of_immutable() } else { asked }
}

/// Whether a response says that it does not change while it is fresh.
pub(crate) fn is_immutable(route: &LayerState, held: &CachedResponse) -> bool {
    ResponseDirectives::of(&held.headers, &route.policy.store.targets).immutable
}

/// Whether what is stale may be served because the handler failed. Asked when it has: it may have taken its time, and an
/// invalidation may have come meanwhile.
pub(crate) fn may_serve_on_error(route: &LayerState, ask: &RequestContext, stale: &StaleResponse) -> bool {
    let weighed = evaluate_reuse_for(route, ask.lookup_key(), &stale.held, route.engine.clock.boot());
    matches!(weighed, Reuse::Stale { if_error: true, .. })
}

/// Whether what is to be refreshed is fresh, as it is where that is done early.
pub(crate) fn is_still_fresh(route: &LayerState, ask: &RequestContext, stale: Option<&StaleResponse>) -> bool {
    let now = route.engine.clock.boot();
    stale.is_some_and(|stale| {
        matches!(evaluate_reuse_for(route, ask.lookup_key(), &stale.held, now), Reuse::Fresh { .. })
    })
}
