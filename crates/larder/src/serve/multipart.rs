//! Several parts in one response: `multipart/byteranges` (RFC 9110 §14.6).

use std::ops::Range;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use larder_core::http::range::ContentRange;

use super::{Whole, part};

/// A response to be sent in parts.
pub(super) struct Multipart<'a> {
    headers: &'a HeaderMap,
    body: &'a Bytes,
    complete: u64,
    /// 128 random bits: no body was made to hold them.
    boundary: String,
}

impl<'a> Multipart<'a> {
    pub(super) fn new(headers: &'a HeaderMap, body: &'a Bytes, complete: u64) -> Self {
        Self { headers, body, complete, boundary: format!("{:032x}", fastrand::u128(..)) }
    }

    /// These parts, which do not overlap, so that all of them are not much more than the whole.
    ///
    /// RFC 9110 §15.3.7.2: "a server MUST NOT generate a Content-Range header field in the HTTP header section of a multiple
    /// part response (this field will be sent in each part)".
    pub(super) fn of(&self, parts: &[Range<u64>]) -> Option<Whole> {
        let mut content = Vec::new();
        for range in parts {
            self.write(&mut content, range)?;
        }
        content.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        let mut fields = part::partial(self.headers, content.len());
        let kind = format!("multipart/byteranges; boundary={}", self.boundary);
        fields.insert(CONTENT_TYPE, HeaderValue::try_from(kind).ok()?);
        fields.remove(CONTENT_RANGE);
        Some(Whole { status: StatusCode::PARTIAL_CONTENT, fields, body: content.into() })
    }

    /// RFC 9110 §15.3.7.2: "If the selected representation would have had a Content-Type header field in a 200 (OK)
    /// response, the server SHOULD generate that same Content-Type header field in the header area of each body part."
    fn write(&self, content: &mut Vec<u8>, range: &Range<u64>) -> Option<()> {
        let bytes = self.body.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)?;
        content.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
        let part = ContentRange::new(range.clone(), Some(self.complete))?.to_value();
        let kind = self.headers.get(CONTENT_TYPE);
        for (name, value) in [("Content-Type", kind), ("Content-Range", Some(&part))] {
            if let Some(value) = value {
                for piece in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                    content.extend_from_slice(piece);
                }
            }
        }
        for piece in [b"\r\n", bytes, b"\r\n"] {
            content.extend_from_slice(piece);
        }
        Some(())
    }
}
