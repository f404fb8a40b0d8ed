//! The length that a response states for its body.

use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, StatusCode};
use http_body::SizeHint;
use larder_core::http::complete::{self, stated_length};
use larder_core::http::range::ContentRange;

/// Returns the length of a body before it is read, if the response or the body states it.
pub(super) fn known_length(headers: &HeaderMap, hint: &SizeHint) -> Option<u64> {
    // RFC 9112 §6.3: "If a message is received with both a Transfer-Encoding and a Content-Length
    // header field, the Transfer-Encoding overrides the Content-Length."
    if headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    stated_length(headers).or(hint.exact())
}

/// Whether a body is as long as the response states.
///
/// The response states the length in `Content-Length` and, for a part, in `Content-Range`.
///
/// A body that ended early must not be taken for the whole, even if its end was clean (RFC 9111
/// §3.3).
pub(super) fn has_stated_length(status: StatusCode, headers: &HeaderMap, length: usize) -> bool {
    // RFC 9110 §14.4: elsewhere `Content-Range` "has no meaning".
    let part = ContentRange::of(headers).filter(|_| status == StatusCode::PARTIAL_CONTENT);
    complete::is_complete(headers, length) && part.is_none_or(|part| part.has_length(length))
}
