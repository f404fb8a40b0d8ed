//! Protocol features that a policy turns on or off.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use larder_core::http::validators;

use crate::http::policy::Policy;

/// The entity tag that the cache generates for a response without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GeneratedEtag {
    None,
    Weak,
    Strong,
}

impl GeneratedEtag {
    pub(crate) fn is_on(self) -> bool {
        self != Self::None
    }

    /// Generates the tag for a complete response.
    pub(crate) fn generate(self, headers: &HeaderMap, body: &Bytes) -> Option<HeaderValue> {
        match self {
            Self::None => None,
            Self::Weak => Some(validators::weak_etag(headers, body)),
            Self::Strong => Some(validators::strong_etag(headers, body)),
        }
    }
}

/// Methods for protocol features.
impl Policy {
    /// Allows requests to restrict the use of stored responses by `Cache-Control`.
    ///
    /// The cache then honors `no-cache`, `max-age`, `no-store` and similar directives in requests.
    /// A request with `only-if-cached` gets a 504 if there is no stored response that may be
    /// served.
    ///
    /// Default: off, so that clients cannot force work on the handler.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let internal = Policy::ttl(ttl::STANDARD).honor_request_directives();
    /// ```
    #[must_use]
    pub fn honor_request_directives(mut self) -> Self {
        self.store.honor_request = true;
        self
    }

    /// Stores the partial responses (206) of handlers that answer range requests themselves.
    ///
    /// A stored part answers requests for ranges within it. Two parts that touch are combined if
    /// they have the same strong `ETag`, or the same `Last-Modified` where that is strong. All
    /// parts together become the complete response (RFC 9111 §3.3, §3.4).
    ///
    /// Only one part of each key or variant is stored, of up to [`max_body`](Self::max_body) bytes.
    /// So this is for representations that clients fetch in consecutive pieces.
    ///
    /// Default: off. Partial responses are passed on unchanged. Parts of a stored complete response
    /// are served in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let videos = Policy::ttl(ttl::STATIC).store_partial().max_body(32 * 1024 * 1024);
    /// ```
    #[must_use]
    pub const fn store_partial(mut self) -> Self {
        self.store.store_partial = true;
        self
    }

    /// Turns off the entity tags that the cache generates.
    ///
    /// Default: a stored 200 response without an `ETag` gets a weak one with
    /// [`ttl`](Self::ttl), and none with [`rfc9111`](Self::rfc9111).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).no_etag();
    /// ```
    #[must_use]
    pub const fn no_etag(mut self) -> Self {
        self.generated_etag = GeneratedEtag::None;
        self
    }

    /// Generates strong entity tags for responses without an `ETag`.
    ///
    /// A client can then resume a download with `If-Range`. Use this only if no layer or proxy in
    /// front of the cache changes bodies. A `CompressionLayer` around the cache sends a body and
    /// its compressed form with the same tag. If a client resumed the one with the rest of the
    /// other, its file would be corrupt.
    ///
    /// Default: a stored 200 response without an `ETag` gets a weak one with
    /// [`ttl`](Self::ttl), and none with [`rfc9111`](Self::rfc9111). A weak tag answers
    /// `If-None-Match` with 304. It never matches in `If-Range`, so a client that resumes gets the
    /// whole response (RFC 9110 §13.1.5).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let downloads = Policy::ttl(ttl::STATIC).strong_etag().max_body(32 * 1024 * 1024);
    /// ```
    #[must_use]
    pub const fn strong_etag(mut self) -> Self {
        self.generated_etag = GeneratedEtag::Strong;
        self
    }
}
