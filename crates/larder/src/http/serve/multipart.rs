//! Responses with several ranges: `multipart/byteranges` (RFC 9110 §14.6).

use std::ops::Range;

use http::header::{CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use crate::http::serve::full_response::FullResponse;
use crate::http::serve::representation::{Representation, RepresentationFields};

/// Returns a 206 with these ranges, each in a body part of its own.
///
/// The ranges do not overlap, so together they are not much larger than the representation.
///
/// RFC 9110 §15.3.7.2: "a server MUST NOT generate a Content-Range header field in the HTTP header
/// section of a multiple part response (this field will be sent in each part instead)".
pub(super) fn multipart(
    source: &Representation<'_, impl RepresentationFields>,
    parts: &[Range<u64>],
) -> Option<FullResponse> {
    // 128 random bits, so that no body can be crafted to contain them.
    let boundary = format!("{:032x}", fastrand::u128(..));
    let mut content = Vec::new();
    for range in parts {
        content.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        write_part(&mut content, source, range)?;
    }
    content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let mut fields = source.partial_headers(content.len());
    let kind = format!("multipart/byteranges; boundary={boundary}");
    fields.insert(CONTENT_TYPE, HeaderValue::try_from(kind).ok()?);
    fields.remove(CONTENT_RANGE);
    Some(FullResponse { status: StatusCode::PARTIAL_CONTENT, fields, body: content.into() })
}

/// Writes one body part. Returns `None` if the representation does not have the range.
///
/// RFC 9110 §15.3.7.2: "If the selected representation would have had a Content-Type header field
/// in a 200 (OK) response, the server SHOULD generate that same Content-Type header field in the
/// header area of each body part."
fn write_part(
    content: &mut Vec<u8>,
    source: &Representation<'_, impl RepresentationFields>,
    range: &Range<u64>,
) -> Option<()> {
    let kind = source.headers.line(&CONTENT_TYPE);
    let content_range = source.content_range(range)?.to_value();
    for (name, value) in [("Content-Type", kind), ("Content-Range", Some(content_range.as_bytes()))] {
        if let Some(value) = value {
            for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
                content.extend_from_slice(piece);
            }
        }
    }
    content.extend_from_slice(b"\r\n");
    content.extend_from_slice(&source.bytes(range)?);
    content.extend_from_slice(b"\r\n");
    Some(())
}
