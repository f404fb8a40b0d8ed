//! Answering a request from a stored response: with a 304, a part, the head or everything.

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, StatusCode};
use larder_core::http::{range, validators};

use crate::http::lookup::eligibility::RequestTraits;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::serve::byte_ranges::for_range_request;
use crate::http::serve::full_response::FullResponse;
use crate::http::serve::representation::Representation;

/// Returns the answer to a request from a stored response: a 304, a part, the head or everything.
///
/// This follows the order of RFC 9110 §13.2.2. The conditions of the request come first. If they do
/// not lead to a 304 and the response is a 200, the range comes next: "When the method is GET and
/// both Range and If-Range are present, evaluate the If-Range precondition".
pub(super) fn select_representation(
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
    // marking it using the 206 (Partial Content) status code." The lookup chooses a partial
    // response only if it satisfies the request. If it chose another, the client would get a 206.
    part.or_else(|| source.as_partial()).unwrap_or_else(|| full_or_head(cached, traits.head))
}

/// Whether the conditions of the request lead to a 304.
///
/// RFC 9110 §13.2.1: preconditions are ignored if the response without them would not be a
/// success.
pub(crate) fn is_not_modified(cached: &CachedResponse, request: &HeaderMap) -> bool {
    cached.status.is_success() && validators::not_modified(request, &cached.headers)
}

fn not_modified(cached: &CachedResponse) -> FullResponse {
    let mut fields = cached.headers.clone();
    validators::strip_to_not_modified(&mut fields);
    FullResponse { status: StatusCode::NOT_MODIFIED, fields, body: Bytes::new() }
}

/// Returns the stored response, or only its head.
fn full_or_head(cached: &CachedResponse, head: bool) -> FullResponse {
    let body = if head { Bytes::new() } else { cached.body.clone() };
    let mut whole = FullResponse { status: cached.status, fields: cached.headers.clone(), body };
    // RFC 9110 §8.6: a response to HEAD states the length of the response to GET. The HTTP server
    // cannot derive this length, because it gets no body. A 204 has no length for GET either.
    if head && cached.status != StatusCode::NO_CONTENT && !cached.headers.contains_key(CONTENT_LENGTH) {
        whole.fields.insert(CONTENT_LENGTH, HeaderValue::from(cached.body.len()));
    }
    // A client may send HEAD to find out whether it can request ranges.
    if head && cached.status == StatusCode::OK && !cached.headers.contains_key(ACCEPT_RANGES) {
        whole.fields.insert(ACCEPT_RANGES, range::BYTES);
    }
    whole
}
