//! The coded forms that are being made.

use bytes::Bytes;
use larder_core::http::content_coding::ContentCoding;
use larder_core::stored::wire::BodyDigest;

use crate::engine::keyed_jobs::KeyedJobs;
use crate::http::memory::cached_response::CachedResponse;

/// The coded forms that are being made. The result is the coded body, or empty if it is of no use.
pub(crate) type CodingJobs = KeyedJobs<CodingJobKey, Bytes>;

/// A body of a stored response, and the coding that it gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CodingJobKey {
    pub(crate) key: Box<str>,
    pub(crate) variant: u128,
    pub(crate) made_of: BodyDigest,
    pub(crate) coding: ContentCoding,
}

impl CodingJobKey {
    /// Returns the key of the job that codes this response.
    pub(crate) fn of(cached: &CachedResponse, coding: ContentCoding) -> Self {
        let (key, variant) = (Box::from(&*cached.meta.key), cached.variant());
        Self { key, variant, made_of: BodyDigest::of(&cached.body), coding }
    }
}
