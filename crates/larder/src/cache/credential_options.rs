//! The request fields that carry the credentials of clients.

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};

use crate::cache::builder::CacheBuilder;

impl CacheBuilder {
    /// Adds request header fields that are credentials, such as `X-Api-Key`.
    ///
    /// A request with such a field is treated like one with `Authorization`. It gets a stored
    /// response only if that response or the policy permits sharing, and its own response is stored
    /// only then. A policy declares these fields by
    /// [`per_user`](crate::Policy::per_user) or [`share_authorized`](crate::Policy::share_authorized),
    /// or one of them by [`key_header`](crate::Policy::key_header). A response permits sharing by
    /// `public` or `s-maxage`.
    ///
    /// This applies to all layers of the cache. A request without these fields costs nothing more
    /// than their lookup, and without this call, nothing at all.
    ///
    /// A field in the key is stored with each response, in memory and in the shared store. So do
    /// not use `key_header` for a secret: verify it in a layer around the cache, and use `per_user`
    /// with the client that it belongs to.
    ///
    /// Default: none. `Authorization` and `Cookie` are always credentials.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().credentials([HeaderName::from_static("x-api-key")]).build();
    /// ```
    #[must_use]
    pub fn credentials(mut self, fields: impl IntoIterator<Item = HeaderName>) -> Self {
        // These two have rules of their own.
        let fields = fields.into_iter().filter(|name| *name != AUTHORIZATION && *name != COOKIE);
        self.credentials.extend(fields);
        self
    }
}
