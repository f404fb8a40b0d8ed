//! Responses to requests for ranges of bytes (RFC 9110 §14.2, §15.3.7, §15.5.17).

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, StatusCode};
use larder_core::http::range::{self, ContentRange, Requested, Selected};

use crate::http::serve::full_response::FullResponse;
use crate::http::serve::multipart;
use crate::http::serve::representation::{Representation, RepresentationFields};

/// Returns the response to a request for ranges: a 206 or a 416.
///
/// Returns `None` if the request gets the representation as it is.
pub(super) fn for_range_request(
    source: &Representation<'_, impl RepresentationFields>,
    request: &HeaderMap,
) -> Option<FullResponse> {
    let Requested::Bytes(ranges) = range::parse_range(request) else { return None };
    if !range::accepts_ranges(source.headers) || !range::if_range(request, source.headers) {
        return None;
    }
    let selected = match source.part {
        None => ranges.select(source.available().end),
        Some(part) => Selected::Parts(ranges.select_within(part)?),
    };
    match selected {
        Selected::Whole => None,
        Selected::Unsatisfiable => Some(unsatisfiable(source)),
        Selected::Parts(parts) => match &*parts {
            [only] => source.single_range(only),
            several => multipart::multipart(source, several),
        },
    }
}

/// Returns the 416 for ranges of which the representation has no byte.
///
/// RFC 9110 §15.5.17: "A server that generates a 416 response to a byte-range request SHOULD
/// generate a Content-Range header field specifying the current length of the selected
/// representation".
fn unsatisfiable(source: &Representation<'_, impl RepresentationFields>) -> FullResponse {
    let mut fields = source.headers.copy();
    for name in REPRESENTATION_FIELDS.iter().chain(&range::CONTENT_FIELDS) {
        fields.remove(name);
    }
    fields.insert(CONTENT_RANGE, ContentRange::unsatisfied(source.available().end));
    fields.entry(ACCEPT_RANGES).or_insert(range::BYTES);
    FullResponse { status: StatusCode::RANGE_NOT_SATISFIABLE, fields, body: Bytes::new() }
}

/// The fields that describe a representation or limit how long it may be stored.
///
/// A 416 does not have them, because it sends nothing of the representation.
const REPRESENTATION_FIELDS: [HeaderName; 9] = [
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
