//! Responses to clients, from stored responses or from the handler's, with the fields of the cache.
//!
//! * `byte_ranges` answers requests for ranges, and `multipart` those for several ranges. Both take
//!   the bytes from a `representation`.
//! * [`record`] counts the outcome of each request and reports it in its span.

mod byte_ranges;
mod multipart;
pub(crate) mod record;
mod representation;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, AGE, CACHE_STATUS, CONTENT_LENGTH, DATE, ETAG, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, response};
use http_body::Body;
use larder_core::http::{range, validators};
use larder_core::outcome::{Outcome, StaleReason, Tier};
use larder_core::time::Boot;

use crate::http::body::CacheBody;
use crate::http::cache_status::{self, ForwardInfo, X_CACHE};
use crate::http::layer_state::LayerState;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::nesting::OuterRun;
use crate::http::serve::byte_ranges::for_range_request;
use crate::http::serve::record::{record, record_hit};
use crate::http::serve::representation::Representation;

/// A response with its complete body.
///
/// The `Response` itself is built where it is handed out, because a `Response` is large and
/// expensive to move.
pub(crate) struct FullResponse {
    status: StatusCode,
    fields: HeaderMap,
    body: Bytes,
}

impl FullResponse {
    /// Builds the `Response`.
    #[inline]
    pub(crate) fn into_response<B: Body>(self) -> Response<CacheBody<B>> {
        let mut response = Response::new(CacheBody::full(self.body));
        *response.status_mut() = self.status;
        let empty = std::mem::replace(response.headers_mut(), self.fields);
        // An empty map owns nothing. Forgetting it saves the search for something to drop.
        std::mem::forget(empty);
        response
    }
}

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
    now: Boot,
) -> FullResponse {
    let outcome = Outcome::Hit(tier);
    record_hit(layer, parts, key, tier, cached.cost);
    if traits.head || traits.conditional || traits.range || layer.policy.expose_cache_key {
        return hit_selected(layer, traits, key, parts, cached, tier, now);
    }
    let render = || {
        let mut fields = cached.headers.clone();
        add_cache_status(&mut fields, cached, outcome, now);
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
/// If the policy exposes the cache key, every hit takes this path, which adds the key.
#[cold]
fn hit_selected(
    layer: &LayerState,
    traits: RequestTraits,
    key: &str,
    parts: &Parts,
    cached: &CachedResponse,
    tier: Tier,
    now: Boot,
) -> FullResponse {
    let mut whole = select_representation(cached, &parts.headers, traits);
    add_cache_status(&mut whole.fields, cached, Outcome::Hit(tier), now);
    if layer.policy.expose_cache_key {
        cache_status::set_key(&mut whole.fields, key);
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
    now: Boot,
) -> FullResponse {
    let Some(own) =
        Arc::get_mut(&mut cached).filter(|_| !traits.head && !traits.conditional && !traits.range)
    else {
        return hit(layer, traits, key, parts, &cached, Tier::Shared, now);
    };
    let (mut fields, body) = (std::mem::take(&mut own.headers), std::mem::take(&mut own.body));
    record_hit(layer, parts, key, Tier::Shared, cached.cost);
    add_cache_status(&mut fields, &cached, Outcome::Hit(Tier::Shared), now);
    if layer.policy.expose_cache_key {
        cache_status::set_key(&mut fields, key);
    }
    FullResponse { status: cached.status, fields, body }
}

/// Returns the handler's response to a request that bypassed the cache.
///
/// If an inner layer handled the request, that layer has added the fields already.
pub(crate) fn bypassed<B: Body<Data = Bytes>>(
    response: Response<B>,
    outcome: Outcome,
    run: &OuterRun,
) -> Response<CacheBody<B>> {
    let mut response = response.map(CacheBody::inner);
    if run.is_nested() {
        return response;
    }
    let forwarded = ForwardInfo { status: Some(response.status()), ..ForwardInfo::default() };
    cache_status::set_forwarded(response.headers_mut(), outcome, forwarded);
    response
}

/// Adds `Age`, `X-Cache` and `Cache-Status` to a response that is served from the cache.
fn add_cache_status(fields: &mut HeaderMap, cached: &CachedResponse, outcome: Outcome, now: Boot) {
    cache_status::set_hit(
        fields,
        outcome,
        cached.age(now),
        cached.meta.lifetime.fresh,
        cached.upstream_cache_status.as_ref(),
    );
}

/// Serves a stored response to a request that had to wait.
pub(crate) fn from_cache<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
    outcome: Outcome,
) -> Response<CacheBody<B>> {
    let engine = &layer.engine;
    engine.report.add_saved(cached.meta.cost);
    let mut whole = select(layer, context, cached, outcome);
    add_cache_status(&mut whole.fields, cached, outcome, engine.clock.boot());
    whole.into_response()
}

/// Serves a stale response because the handler failed.
pub(crate) fn stale_on_error<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
    tier: Tier,
    failed: ForwardInfo,
) -> Response<CacheBody<B>> {
    let outcome = Outcome::Stale(tier, StaleReason::IfError);
    let mut whole = select(layer, context, cached, outcome);
    let age = cached.age(layer.engine.clock.boot());
    let fresh = cached.meta.lifetime.fresh;
    cache_status::set_stale_on_error(
        &mut whole.fields,
        outcome,
        age,
        fresh,
        cached.upstream_cache_status.as_ref(),
        failed,
    );
    whole.into_response()
}

/// Serves the response of another request's fill.
pub(crate) fn collapsed<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
    outcome: Outcome,
    forwarded: ForwardInfo,
) -> Response<CacheBody<B>> {
    let mut whole = select(layer, context, cached, outcome);
    restore_cache_status(&mut whole.fields, cached);
    let age = cached.age(layer.engine.clock.boot());
    whole.fields.insert(AGE, cache_status::whole_seconds(age));
    cache_status::set_forwarded(&mut whole.fields, outcome, forwarded);
    whole.into_response()
}

/// Returns the 504 for a request that accepts only a stored response, if there is none.
///
/// RFC 9211 §2: "An intermediary SHOULD NOT append a Cache-Status member to responses that it
/// generates locally".
pub(crate) fn gateway_timeout(outcome: Outcome) -> FullResponse {
    let mut fields = HeaderMap::new();
    fields.insert(X_CACHE, HeaderValue::from_static(outcome.x_cache()));
    FullResponse { status: StatusCode::GATEWAY_TIMEOUT, fields, body: Bytes::new() }
}

/// Combines the head of the handler's response with the complete body of the stored one.
///
/// The stored response may have fields that the handler's lacks: an entity tag or a date.
///
/// RFC 9112 §6.2: "A sender MUST NOT send a Content-Length header field in any message that
/// contains a Transfer-Encoding header field." The server knows the length of this body and states
/// it, so `Transfer-Encoding` is removed.
pub(crate) fn from_fill<B: Body<Data = Bytes>>(
    mut parts: response::Parts,
    cached: &CachedResponse,
) -> Response<CacheBody<B>> {
    parts.headers.remove(TRANSFER_ENCODING);
    for name in [ETAG, DATE] {
        if let Some(value) = cached.headers.get(&name).filter(|_| !parts.headers.contains_key(&name)) {
            parts.headers.insert(name, value.clone());
        }
    }
    Response::from_parts(parts, CacheBody::full(cached.body.clone()))
}

/// Serves the handler's response to this request.
///
/// If the handler ignored the conditions or ranges of the client, or did not get them, they are
/// applied here.
pub(crate) fn from_handler<B: Body<Data = Bytes>>(
    layer: &LayerState,
    context: &RequestContext,
    mut response: Response<CacheBody<B>>,
    outcome: Outcome,
    forwarded: ForwardInfo,
) -> Response<CacheBody<B>> {
    record(layer, context, outcome);
    // The handler was called without the conditions of the client.
    if response.status() == StatusCode::OK
        && context.traits.conditional
        && validators::not_modified(&context.headers, response.headers())
    {
        let mut fields = validators::not_modified_fields(response.headers());
        fields.extend(response.headers().get(CACHE_STATUS).map(|status| (CACHE_STATUS, status.clone())));
        response = response.map(|_| CacheBody::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = fields;
    } else if let Some(part) = requested_part(&response, context) {
        // The handler was called without the ranges, or ignored them. A body that has yet to
        // arrive is not cut: the client has to be ready for all of it.
        (*response.status_mut(), *response.headers_mut()) = (part.status, part.fields);
        *response.body_mut() = CacheBody::full(part.body);
    }
    cache_status::set_forwarded(response.headers_mut(), outcome, forwarded);
    if layer.policy.expose_cache_key {
        cache_status::set_key(response.headers_mut(), &context.key);
    }
    response
}

/// Returns the part of the handler's response that a request for ranges asked for.
fn requested_part<B: Body>(
    response: &Response<CacheBody<B>>,
    context: &RequestContext,
) -> Option<FullResponse> {
    if response.status() != StatusCode::OK || !context.traits.range {
        return None;
    }
    let body = response.body().as_full()?;
    for_range_request(&Representation { headers: response.headers(), body, part: None }, &context.headers)
}

/// Selects what a request gets of a stored response, and records the outcome.
fn select(
    layer: &LayerState,
    context: &RequestContext,
    cached: &CachedResponse,
    outcome: Outcome,
) -> FullResponse {
    record(layer, context, outcome);
    let mut whole = select_representation(cached, &context.headers, context.traits);
    if layer.policy.expose_cache_key {
        cache_status::set_key(&mut whole.fields, &context.key);
    }
    whole
}

/// Selects what a request gets of a stored response: a 304, a part, the head or everything.
///
/// This follows the order of RFC 9110 §13.2.2. The conditions of the request come first. Only if
/// they leave a 200: "When the method is GET and both Range and If-Range are present, evaluate the
/// If-Range precondition".
fn select_representation(
    cached: &CachedResponse,
    request: &HeaderMap,
    traits: RequestTraits,
) -> FullResponse {
    if traits.conditional && is_not_modified(cached, request) {
        return not_modified(cached);
    }
    let source =
        Representation { headers: &cached.headers, body: &cached.body, part: cached.meta.part.as_ref() };
    let part = if traits.range && cached.status == StatusCode::OK {
        for_range_request(&source, request)
    } else {
        None
    };
    // RFC 9111 §3.3: "A cache MUST NOT send a partial response to a client without explicitly
    // marking it using the 206 (Partial Content) status code." The lookup does not choose a
    // partial response that does not satisfy the request. If it did, the client would get a 206.
    part.or_else(|| source.as_partial()).unwrap_or_else(|| full_or_head(cached, traits.head))
}

/// Whether the conditions of the request lead to a 304.
///
/// RFC 9110 §13.2.1: preconditions are ignored if the response without them would not be a
/// success.
fn is_not_modified(cached: &CachedResponse, request: &HeaderMap) -> bool {
    cached.status.is_success() && validators::not_modified(request, &cached.headers)
}

fn not_modified(cached: &CachedResponse) -> FullResponse {
    let mut fields = validators::not_modified_fields(&cached.headers);
    fields.insert(X_CACHE, HeaderValue::from_static("HIT"));
    FullResponse { status: StatusCode::NOT_MODIFIED, fields, body: Bytes::new() }
}

/// Returns the stored response, or only its head.
fn full_or_head(cached: &CachedResponse, head: bool) -> FullResponse {
    let body = if head { Bytes::new() } else { cached.body.clone() };
    let mut whole = FullResponse { status: cached.status, fields: cached.headers.clone(), body };
    // RFC 9110 §8.6: a response to HEAD states the length of the response to GET. The server
    // cannot derive it, because it gets no body. A 204 has no length for GET either.
    if head && cached.status != StatusCode::NO_CONTENT && !cached.headers.contains_key(CONTENT_LENGTH) {
        whole.fields.insert(CONTENT_LENGTH, HeaderValue::from(cached.body.len()));
    }
    // A client that sends HEAD may be about to request ranges.
    if head && cached.status == StatusCode::OK && !cached.headers.contains_key(ACCEPT_RANGES) {
        whole.fields.insert(ACCEPT_RANGES, range::BYTES);
    }
    whole
}

/// Restores the `Cache-Status` of other caches, in place of the field reserved for this cache.
fn restore_cache_status(fields: &mut HeaderMap, cached: &CachedResponse) {
    fields.remove(CACHE_STATUS);
    if let Some(others) = &cached.upstream_cache_status {
        fields.insert(CACHE_STATUS, others.clone());
    }
}
