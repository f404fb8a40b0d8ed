//! Ranges: parts of a representation (RFC 9110 §14, RFC 9111 §3.3, §3.4).
//!
//! * [`parse_range`]: the bytes that a request asks for.
//! * [`Ranges::select`]: the bytes of a stored representation that the request gets.
//! * [`if_range()`]: whether the request wants them from this representation.
//! * [`ContentRange`]: the bytes that a response has.
//! * [`combine()`]: combines two parts into one.
//!
//! Bytes are the only unit that is understood. A range here is half-open, as everywhere in Rust,
//! and never empty.

mod combine;
mod content_range;
mod if_range;
mod requested;
mod select;
#[cfg(test)]
mod tests;

use http::header::{ACCEPT_RANGES, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};

pub use combine::{PartialBody, combine};
pub use content_range::ContentRange;
pub use if_range::if_range;
pub use requested::{Ranges, Requested, parse_range};
pub use select::{Parts, Selected};

use super::field_lines::FieldLines;
use super::list::members;

/// The value of `Accept-Ranges` for a response that can be served in parts.
pub const BYTES: HeaderValue = HeaderValue::from_static("bytes");

/// The fields with a digest of a message's content (RFC 9530 §2, RFC 1864).
///
/// The digest of the whole is not the digest of a part.
pub const CONTENT_FIELDS: [HeaderName; 2] =
    [HeaderName::from_static("content-digest"), HeaderName::from_static("content-md5")];

/// Whether parts of this response may be served.
///
/// This is so unless the response says `Accept-Ranges: none`.
///
/// RFC 9110 §14.3: "A server that does not support any kind of range request for the target
/// resource MAY send `Accept-Ranges: none` to advise the client not to attempt a range request on
/// the same request path."
#[must_use]
pub fn accepts_ranges(response: &impl FieldLines) -> bool {
    !response.lines(&ACCEPT_RANGES).any(|line| members(line).any(|unit| unit.eq_ignore_ascii_case(b"none")))
}

/// Turns a request for parts into a request for the whole.
pub fn strip_range(request: &mut HeaderMap) {
    request.remove(RANGE);
    request.remove(IF_RANGE);
}
