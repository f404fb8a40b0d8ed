//! Answering a request from a stored response: with a 304, a part, the head or everything.

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, StatusCode};
use larder_core::http::{range, validators};

use crate::http::lookup::eligibility::RequestTraits;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::header_cache::ServedForm;
use crate::http::serve::byte_ranges::for_range_request;
use crate::http::serve::full_response::FullResponse;
use crate::http::serve::representation::Representation;

/// Returns the form in which a request gets a stored response, unless it gets a part.
///
/// This follows the order of RFC 9110 §13.2.2: the conditions of the request come first.
#[inline]
pub(super) fn served_form(cached: &CachedResponse, request: &HeaderMap, traits: RequestTraits) -> ServedForm {
    if traits.conditional && is_not_modified(cached, request) {
        ServedForm::NotModified
    } else if traits.head {
        ServedForm::Head
    } else {
        ServedForm::Full
    }
}

/// Returns the answer to a request from a stored response: a 304, a part, the head or everything.
///
/// RFC 9110 §13.2.2: if the conditions do not lead to a 304 and the response is a 200, the range
/// comes next. "When the method is GET and both Range and If-Range are present, evaluate the
/// If-Range precondition".
pub(super) fn select_representation(
    cached: &CachedResponse,
    request: &HeaderMap,
    traits: RequestTraits,
) -> FullResponse {
    let form = served_form(cached, request, traits);
    if form == ServedForm::NotModified {
        return in_form(cached, form);
    }
    let (headers, part) = (&cached.fields, cached.meta.part());
    let source = Representation { headers, body: &cached.body, part };
    let part = if traits.range && cached.status == StatusCode::OK {
        for_range_request(&source, request)
    } else {
        None
    };
    // RFC 9111 §3.3: "A cache MUST NOT send a partial response to a client without explicitly
    // marking it using the 206 (Partial Content) status code." The lookup chooses a partial
    // response only if it satisfies the request. If it chose another, the client would get a 206.
    part.or_else(|| source.as_partial()).unwrap_or_else(|| in_form(cached, form))
}

/// Whether the conditions of the request lead to a 304.
///
/// RFC 9110 §13.2.1: preconditions are ignored if the response without them would not be a
/// success.
pub(crate) fn is_not_modified(cached: &CachedResponse, request: &HeaderMap) -> bool {
    cached.status.is_success() && validators::not_modified(request, &cached.fields)
}

/// Returns a stored response in this form.
fn in_form(cached: &CachedResponse, form: ServedForm) -> FullResponse {
    with_fields(cached, form, fields_in_form(cached, form))
}

/// Returns the response in this form with these fields.
#[inline]
pub(super) fn with_fields(cached: &CachedResponse, form: ServedForm, fields: HeaderMap) -> FullResponse {
    let status = match form {
        ServedForm::NotModified => StatusCode::NOT_MODIFIED,
        ServedForm::Full | ServedForm::Head => cached.status,
    };
    let body = match form {
        ServedForm::Full => cached.body.clone(),
        ServedForm::Head | ServedForm::NotModified => Bytes::new(),
    };
    FullResponse { status, fields, body }
}

/// Returns the stored fields, as they are in this form.
pub(super) fn fields_in_form(cached: &CachedResponse, form: ServedForm) -> HeaderMap {
    let mut fields = cached.fields.to_table();
    match form {
        ServedForm::Full => {}
        ServedForm::Head => add_fields_of_head(cached, &mut fields),
        ServedForm::NotModified => validators::strip_to_not_modified(&mut fields),
    }
    fields
}

fn add_fields_of_head(cached: &CachedResponse, fields: &mut HeaderMap) {
    // RFC 9110 §8.6: a response to HEAD states the length of the response to GET. The HTTP server
    // cannot derive this length, because it gets no body. A 204 has no length for GET either.
    if cached.status != StatusCode::NO_CONTENT && !fields.contains_key(CONTENT_LENGTH) {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(cached.body.len()));
    }
    // A client may send HEAD to find out whether it can request ranges.
    if cached.status == StatusCode::OK && !fields.contains_key(ACCEPT_RANGES) {
        fields.insert(ACCEPT_RANGES, range::BYTES);
    }
}
