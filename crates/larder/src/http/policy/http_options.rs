//! Protocol features that a policy turns on or off.

use crate::http::policy::Policy;

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
        self.store.follow_request = true;
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
        self.store.partial = true;
        self
    }

    /// Turns off the entity tags that the cache generates.
    ///
    /// Default: on. A stored 200 response without an `ETag` gets a strong one.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).no_etag();
    /// ```
    #[must_use]
    pub fn no_etag(mut self) -> Self {
        self.make_etag = false;
        self
    }
}
