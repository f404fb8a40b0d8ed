//! The names by which a route and its keys are reported.

use std::sync::Arc;

use crate::http::policy::Policy;

/// Methods for diagnostics.
impl Policy {
    /// Sets the name of the route in metrics.
    ///
    /// Default: the path that axum matched, such as `/products/{id}`, or `unnamed` if there is
    /// none.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::FREQUENT).name("search");
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds the cache key to responses, in the field `X-Cache-Key`.
    ///
    /// Use this only for debugging. A key may contain information that clients should not see.
    ///
    /// Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).expose_cache_key();
    /// ```
    #[must_use]
    pub fn expose_cache_key(mut self) -> Self {
        self.expose_cache_key = true;
        self.adds_fields = true;
        self
    }
}

impl Policy {
    /// Returns the name of the route in metrics.
    pub(crate) fn route_name<'a>(&'a self, matched_path: impl FnOnce() -> Option<&'a str>) -> &'a str {
        self.name.as_deref().or_else(matched_path).unwrap_or("unnamed")
    }
}
