//! What requests and responses do to other responses that are stored.

use http::Method;

use super::Policy;

/// What follows from a response for others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effects {
    /// A write invalidates what its `Location` and `Content-Location` name.
    pub(crate) locations: bool,
    /// A response to `HEAD` updates the stored one to `GET`.
    pub(crate) head: bool,
    /// These methods are safe, beside those of RFC 9110 §9.2.1.
    pub(crate) safe_methods: Vec<Method>,
}

impl Policy {
    /// A successful request with an unsafe method also invalidates the URIs that the `Location` and `Content-Location` of
    /// its response name, if they are of its own origin (RFC 9111 §4.4). With [`rfc9111`](Self::rfc9111) that is on.
    ///
    /// A response that redirects to a page which everybody reads makes that page a miss each time: a login, say.
    #[must_use]
    pub const fn invalidate_locations(mut self) -> Self {
        self.effects.locations = true;
        self
    }

    /// A request with an unsafe method invalidates its own URI and nothing else.
    #[must_use]
    pub const fn without_locations(mut self) -> Self {
        self.effects.locations = false;
        self
    }

    /// Requests with this method invalidate nothing: `PROPFIND`, `REPORT`, `SEARCH`, `QUERY`. Every method invalidates its
    /// URI whose safety is not known (RFC 9111 §4.4), and known to be safe are `GET`, `HEAD`, `OPTIONS` and `TRACE` alone.
    ///
    /// ```
    /// use axum::http::Method;
    /// use larder::Policy;
    ///
    /// let propfind = Method::from_bytes(b"PROPFIND")?;
    /// let policy = Policy::rfc9111().safe_method(propfind);
    /// # Ok::<(), axum::http::method::InvalidMethod>(())
    /// ```
    #[must_use]
    pub fn safe_method(mut self, method: Method) -> Self {
        self.effects.safe_methods.push(method);
        self
    }
}
