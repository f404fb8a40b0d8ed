//! Parts of a stored response (RFC 9110 §14.2, §15.3.7, §15.5.17).

use std::ops::Range;

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderMap, StatusCode};
use larder_core::http::range::{self, ContentRange};

use crate::http::serve::FullResponse;

/// A response with status 200 of which parts are asked for.
#[derive(Clone, Copy)]
pub(super) struct Representation<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
    /// Which part of it the body is; `None` for all of it.
    pub(super) part: Option<&'a ContentRange>,
}

impl Representation<'_> {
    /// What there is of it, if that is not all.
    pub(super) fn as_partial(&self) -> Option<FullResponse> {
        self.single_range(&self.part?.range())
    }

    /// The bytes of a range that it has: a slice, of which nothing is copied.
    pub(super) fn bytes(&self, range: &Range<u64>) -> Option<Bytes> {
        let place = |position: u64| usize::try_from(position.checked_sub(self.available().start)?).ok();
        let place = place(range.start)?..place(range.end)?;
        (place.end <= self.body.len()).then(|| self.body.slice(place))
    }

    /// The `Content-Range` of a part of it.
    pub(super) fn content_range(&self, range: &Range<u64>) -> Option<ContentRange> {
        let complete = self.part.map_or(Some(self.available().end), ContentRange::complete);
        ContentRange::new(range.clone(), complete)
    }

    /// Which bytes of the whole the body has.
    pub(super) fn available(&self) -> Range<u64> {
        self.part.map_or_else(|| 0..u64::try_from(self.body.len()).unwrap_or(u64::MAX), ContentRange::range)
    }

    pub(crate) fn single_range(&self, range: &Range<u64>) -> Option<FullResponse> {
        let body = self.bytes(range)?;
        let mut fields = self.partial_headers(body.len());
        fields.insert(CONTENT_RANGE, self.content_range(range)?.to_value());
        Some(FullResponse { status: StatusCode::PARTIAL_CONTENT, fields, body })
    }

    /// The fields of a 206 with a body of this length.
    ///
    /// RFC 9110 §15.3.7: it has those that a 200 "to the same request" would have had. It says that one to a request with
    /// `If-Range` "SHOULD NOT generate other representation header fields beyond those required", as its client has them; a
    /// cache on the way there that keeps the part for others has not.
    pub(super) fn partial_headers(&self, length: usize) -> HeaderMap {
        let mut fields = self.headers.clone();
        for name in &range::OF_THE_CONTENT {
            fields.remove(name);
        }
        fields.insert(CONTENT_LENGTH, length.into());
        fields.entry(ACCEPT_RANGES).or_insert(range::BYTES);
        fields
    }
}
