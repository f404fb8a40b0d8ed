//! Conditional requests (RFC 9110 §13, RFC 9111 §4.3).

mod entity_tag;
#[cfg(test)]
mod tests;

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, TRAILER, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) use entity_tag::{is_strong, weakly_equal};
pub use entity_tag::{strong_etag, weak_etag};

use super::date;
use super::field_lines::FieldLines;
use super::list::trim;

/// Whether this request gets a 304 instead of the stored response.
///
/// The stored response has to be a successful one (2xx), and the caller has to check that. RFC 9110
/// §13.2.1: preconditions are ignored if the response without them would not be 2xx.
///
/// RFC 9110 §13.2.2 lists the steps. Two of them are for a cache: "3. When If-None-Match is
/// present, evaluate the If-None-Match precondition […] 4. When the method is GET or HEAD,
/// If-None-Match is not present, and If-Modified-Since is present, evaluate the If-Modified-Since
/// precondition".
///
/// A request with neither field costs two header lookups and nothing else.
#[must_use]
pub fn not_modified(request: &HeaderMap, response: &impl FieldLines) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        return some_tag_matches(request, response);
    }
    request.contains_key(IF_MODIFIED_SINCE) && not_modified_since(request, response)
}

/// Whether a tag in `If-None-Match` matches the tag of the response.
///
/// RFC 9110 §13.1.2: "A recipient MUST use the weak comparison function when comparing entity tags
/// for If-None-Match".
fn some_tag_matches(request: &HeaderMap, response: &impl FieldLines) -> bool {
    let stored = response.line(&ETAG).map(trim);
    request.get_all(IF_NONE_MATCH).iter().any(|line| {
        let line = trim(line.as_bytes());
        line == b"*"
            || stored.is_some_and(|stored| entity_tag::members(line).any(|tag| weakly_equal(tag, stored)))
    })
}

/// Whether the response was not modified since the date in `If-Modified-Since`.
///
/// RFC 9110 §13.1.3: "A recipient MUST ignore the If-Modified-Since header field if the received
/// field value is not a valid HTTP-date, the field value has more than one member". RFC 9111
/// §4.3.2: without a `Last-Modified`, "a cache SHOULD use the stored response's Date field value".
fn not_modified_since(request: &HeaderMap, response: &impl FieldLines) -> bool {
    let mut lines = request.get_all(IF_MODIFIED_SINCE).iter();
    let since = match (lines.next(), lines.next()) {
        (Some(only), None) => date::parse(only),
        _ => None,
    };
    let modified = match response.line(&LAST_MODIFIED) {
        Some(value) => date::parse_line(value),
        None => date::date(response),
    };
    matches!((modified, since), (Some(modified), Some(since)) if modified <= since)
}

/// Whether the response can be validated: by an entity tag, or by a valid `Last-Modified`.
#[must_use]
pub fn has_validator(headers: &HeaderMap) -> bool {
    headers.get(ETAG).is_some_and(|tag| !trim(tag.as_bytes()).is_empty()) || last_modified(headers).is_some()
}

/// Whether the response has a strong entity tag (RFC 9110 §8.8.3).
///
/// A response that is confirmed by a strong tag is the same, byte for byte.
#[must_use]
pub fn has_strong_etag(headers: &impl FieldLines) -> bool {
    headers.line(&ETAG).is_some_and(|tag| is_strong(trim(tag)))
}

fn last_modified(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(LAST_MODIFIED).filter(|value| date::parse(value).is_some())
}

/// Removes the conditions that the cache evaluates itself.
///
/// The handler then sends a full response.
pub fn strip_conditions(request: &mut HeaderMap) {
    request.remove(IF_NONE_MATCH);
    request.remove(IF_MODIFIED_SINCE);
}

/// Sets the conditions that validate the stored response (RFC 9111 §4.3.1).
///
/// They replace the conditions that the request had. Returns `false` if the stored response has no
/// validator. The request then has no conditions.
///
/// `own_etag` means that the cache generated the entity tag itself. The handler does not know such
/// a tag, so it is not sent.
pub fn set_conditions(request: &mut HeaderMap, stored: &HeaderMap, own_etag: bool) -> bool {
    strip_conditions(request);
    let tag = stored.get(ETAG).filter(|tag| !own_etag && !trim(tag.as_bytes()).is_empty());
    if let Some(tag) = tag {
        request.insert(IF_NONE_MATCH, tag.clone());
    }
    let modified = last_modified(stored);
    if let Some(modified) = modified {
        request.insert(IF_MODIFIED_SINCE, modified.clone());
    }
    tag.is_some() || modified.is_some()
}

/// The fields that describe the body of the response that a 304 stands for.
///
/// A client that gets the 304 has them already (RFC 9110 §8.3 to §8.6, §14.4; RFC 9530 §2, §3; RFC
/// 1864). `Transfer-Encoding` and `Trailer` are about the bytes of a body, and a 304 has none.
const DESCRIBES_BODY: [HeaderName; 10] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("repr-digest"),
    TRANSFER_ENCODING,
    TRAILER,
];

/// Turns the fields of a complete response into those of a 304.
///
/// Only what describes the body is removed. `Last-Modified` stays if there is no entity tag. RFC
/// 9110 §15.4.5: "a sender SHOULD NOT generate representation metadata other than the above listed
/// fields unless said metadata exists for the purpose of guiding cache updates (e.g., Last-Modified
/// might be useful if the response does not have an ETag field)".
///
/// All other fields are about the exchange or the client, not about the representation. Without
/// `Access-Control-Allow-Origin`, for example, a browser refuses the response that it has.
pub fn strip_to_not_modified(headers: &mut HeaderMap) {
    for name in &DESCRIBES_BODY {
        headers.remove(name);
    }
    if headers.contains_key(ETAG) {
        headers.remove(LAST_MODIFIED);
    }
}
