//! The handler's responses, with the fields of the cache.

use bytes::Bytes;
use http::header::{DATE, ETAG, TRANSFER_ENCODING};
use http::{HeaderValue, Response, StatusCode, response};
use http_body::Body;
use larder_core::http::field_lines::FieldLines as _;
use larder_core::http::validators;
use larder_core::outcome::{BypassReason, Outcome};

use crate::http::body::CacheBody;
use crate::http::cache_status::{self, ForwardInfo};
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::nesting::OuterRun;
use crate::http::response::served::Served;
use crate::http::serve::byte_ranges::for_range_request;
use crate::http::serve::downstream_fields::set_downstream_fields_of_new;
use crate::http::serve::extra_fields::add_extra_fields;
use crate::http::serve::full_response::FullResponse;
use crate::http::serve::record::record;
use crate::http::serve::report_served::{attach, report_handled};
use crate::http::serve::representation::Representation;

/// Returns the handler's response to a request that bypassed the cache.
///
/// If an inner layer handled the request, that layer has added the fields already.
pub(crate) fn bypassed<B: Body<Data = Bytes>>(
    layer: &LayerState,
    response: Response<B>,
    outcome: Outcome,
    run: &OuterRun,
    served: Option<Box<Served>>,
) -> Response<CacheBody<B>> {
    let mut response = response.map(CacheBody::inner);
    if run.is_nested() {
        return response;
    }
    // Without a key, there is no user. The response to an unsafe method is of no use to a cache.
    if !matches!(outcome, Outcome::Bypass(BypassReason::NoKey | BypassReason::Method)) {
        layer.policy.mark_private(response.status(), response.headers_mut());
    }
    let forwarded = ForwardInfo { status: Some(response.status()), ..ForwardInfo::default() };
    cache_status::set_forwarded(&layer.http.reporting, response.headers_mut(), outcome, forwarded);
    attach(served, response)
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
        if parts.headers.contains_key(&name) {
            continue;
        }
        if let Some(value) = cached.fields.line(&name).and_then(|line| HeaderValue::from_bytes(line).ok()) {
            parts.headers.insert(name, value);
        }
    }
    Response::from_parts(parts, CacheBody::full(cached.body.clone()))
}

/// Serves the handler's response to this request.
///
/// If the handler ignored the conditions or ranges of the client, or did not get them, they are
/// applied here. `stored` is the response as it is stored, if it is.
pub(crate) fn from_handler<B: Body<Data = Bytes>>(
    layer: &LayerState,
    context: &RequestContext,
    mut response: Response<CacheBody<B>>,
    outcome: Outcome,
    forwarded: ForwardInfo,
    stored: Option<&CachedResponse>,
) -> Response<CacheBody<B>> {
    record(layer, context, outcome);
    // The handler was called without the conditions of the client.
    if response.status() == StatusCode::OK
        && context.traits.conditional
        && validators::not_modified(&context.headers, response.headers())
    {
        response = response.map(|_| CacheBody::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        validators::strip_to_not_modified(response.headers_mut());
    } else if let Some(part) = requested_part(&response, context) {
        // The handler was called without the ranges, or ignored them. A body that has yet to
        // arrive is not cut: the client has to be ready for all of it.
        (*response.status_mut(), *response.headers_mut()) = (part.status, part.fields);
        *response.body_mut() = CacheBody::full(part.body);
    }
    set_downstream_fields_of_new(layer, stored, &mut response);
    cache_status::set_forwarded(&layer.http.reporting, response.headers_mut(), outcome, forwarded);
    if layer.policy.adds_fields {
        let position = context.stated_position.as_ref();
        add_extra_fields(layer, &context.headers, response.headers_mut(), &context.key, position);
    }
    attach(report_handled(layer, || context.matched_path.as_deref(), outcome, stored), response)
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
