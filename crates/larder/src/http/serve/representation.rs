//! The representation from which ranges are taken (RFC 9110 §14.2, §15.3.7, §15.5.17).

use std::ops::Range;

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderMap, StatusCode};
use larder_core::http::field_lines::FieldLines;
use larder_core::http::range::{self, ContentRange};

use crate::http::memory::stored_fields::StoredFields;
use crate::http::serve::full_response::FullResponse;

/// A response with status 200, or a stored part of one, from which a request asks for ranges.
#[derive(Clone, Copy)]
pub(super) struct Representation<'a, F> {
    pub(super) headers: &'a F,
    pub(super) body: &'a Bytes,
    /// The part of the representation that the body is. `None` if the body is all of it.
    pub(super) part: Option<&'a ContentRange>,
}

/// The header fields of a representation, stored or as the handler has sent them.
pub(super) trait RepresentationFields: FieldLines {
    /// Returns the fields as a table.
    fn copy(&self) -> HeaderMap;
}

impl RepresentationFields for HeaderMap {
    fn copy(&self) -> HeaderMap {
        self.clone()
    }
}

impl RepresentationFields for StoredFields {
    fn copy(&self) -> HeaderMap {
        self.to_table()
    }
}

impl<F: RepresentationFields> Representation<'_, F> {
    /// Returns the available part as a 206, or `None` if the representation is complete.
    pub(super) fn as_partial(&self) -> Option<FullResponse> {
        self.single_range(&self.part?.range())
    }

    /// Returns the bytes of a range, or `None` if they are not available.
    ///
    /// The result is a slice of the body. Nothing is copied.
    pub(super) fn bytes(&self, range: &Range<u64>) -> Option<Bytes> {
        let offset = |position: u64| usize::try_from(position.checked_sub(self.available().start)?).ok();
        let slice = offset(range.start)?..offset(range.end)?;
        (slice.end <= self.body.len()).then(|| self.body.slice(slice))
    }

    /// Returns the `Content-Range` of a range of the representation.
    pub(super) fn content_range(&self, range: &Range<u64>) -> Option<ContentRange> {
        let complete = self.part.map_or(Some(self.available().end), ContentRange::complete);
        ContentRange::new(range.clone(), complete)
    }

    /// Returns the range of the complete representation that the body has.
    pub(super) fn available(&self) -> Range<u64> {
        self.part.map_or_else(|| 0..u64::try_from(self.body.len()).unwrap_or(u64::MAX), ContentRange::range)
    }

    /// Returns a 206 with this range, or `None` if the range is not available.
    pub(crate) fn single_range(&self, range: &Range<u64>) -> Option<FullResponse> {
        let body = self.bytes(range)?;
        let mut fields = self.partial_headers(body.len());
        fields.insert(CONTENT_RANGE, self.content_range(range)?.to_value());
        Some(FullResponse { status: StatusCode::PARTIAL_CONTENT, fields, body })
    }

    /// Returns the fields of a 206 with a body of this length.
    ///
    /// RFC 9110 §15.3.7: a 206 has the fields that a 200 "to the same request" would have had. The
    /// RFC adds that a 206 to a request with `If-Range` "SHOULD NOT generate other representation
    /// header fields beyond those required", because the client has them already. They are sent
    /// anyway: a cache on the way that stores the part for other clients does not have them.
    pub(super) fn partial_headers(&self, length: usize) -> HeaderMap {
        let mut fields = self.headers.copy();
        for name in &range::CONTENT_FIELDS {
            fields.remove(name);
        }
        fields.insert(CONTENT_LENGTH, length.into());
        fields.entry(ACCEPT_RANGES).or_insert(range::BYTES);
        fields
    }
}
