//! Parts of a whole response (RFC 9110 §14.2, §15.3.7, §15.5.17).

use std::ops::Range;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_core::http::range::{self, ContentRange, Requested, Selected};

use super::Whole;
use super::multipart::Multipart;

/// What a request for ranges gets of a response with status 200, given its fields and its whole body. `None` if it gets
/// all of it.
pub(super) fn of(request: &HeaderMap, headers: &HeaderMap, body: &Bytes) -> Option<Whole> {
    let Requested::Bytes(ranges) = range::requested(request) else { return None };
    if !range::accepted(headers) || !range::if_range(request, headers) {
        return None;
    }
    let complete = u64::try_from(body.len()).ok()?;
    match ranges.select(complete) {
        Selected::Whole => None,
        Selected::Unsatisfiable => Some(unsatisfiable(headers, complete)),
        Selected::Parts(parts) => match &*parts {
            [only] => single(headers, body, only.clone(), complete),
            several => Multipart::new(headers, body, complete).of(several),
        },
    }
}

/// A slice of the body: nothing is copied.
fn single(headers: &HeaderMap, body: &Bytes, range: Range<u64>, complete: u64) -> Option<Whole> {
    let slice = body.slice(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?);
    let mut fields = partial(headers, slice.len());
    fields.insert(CONTENT_RANGE, ContentRange::new(range, Some(complete))?.to_value());
    Some(Whole { status: StatusCode::PARTIAL_CONTENT, fields, body: slice })
}

/// Digests of the content (RFC 9530 §2) are those of the whole, which is not what is sent.
const OF_THE_CONTENT: [HeaderName; 2] =
    [HeaderName::from_static("content-digest"), HeaderName::from_static("content-md5")];

/// The fields of a 206 with a body of this length.
///
/// RFC 9110 §15.3.7: it has those that a 200 "to the same request" would have had. It says that one to a request with
/// `If-Range` "SHOULD NOT generate other representation header fields beyond those required", as its client has them; a cache
/// on the way there that keeps the part for others has not.
pub(super) fn partial(headers: &HeaderMap, length: usize) -> HeaderMap {
    let mut fields = headers.clone();
    for name in &OF_THE_CONTENT {
        fields.remove(name);
    }
    fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    fields.entry(ACCEPT_RANGES).or_insert(range::BYTES);
    fields
}

/// What is said of a representation of which nothing is sent, and for how long it may be kept.
const OF_THE_REPRESENTATION: [HeaderName; 9] = [
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_TYPE,
    ETAG,
    EXPIRES,
    LAST_MODIFIED,
];

/// RFC 9110 §15.5.17: "A server that generates a 416 response to a byte-range request SHOULD generate a Content-Range header
/// field specifying the current length of the selected representation".
fn unsatisfiable(headers: &HeaderMap, complete: u64) -> Whole {
    let mut fields = headers.clone();
    for name in OF_THE_REPRESENTATION.iter().chain(&OF_THE_CONTENT) {
        fields.remove(name);
    }
    fields.insert(CONTENT_RANGE, ContentRange::unsatisfied(complete));
    fields.entry(ACCEPT_RANGES).or_insert(range::BYTES);
    Whole { status: StatusCode::RANGE_NOT_SATISFIABLE, fields, body: Bytes::new() }
}
