//! The names by which a route and its keys are reported.

use std::sync::Arc;

use crate::engine::ttl;
use crate::http::policy::Policy;

/// The name of a route that has none.
pub(crate) const UNNAMED: &str = "unnamed";

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

    /// Sets the name of the lifetime class in metrics and in [`Stats`](crate::Stats::classes).
    ///
    /// Default: `realtime`, `frequent`, `standard`, `reference` or `static` if the lifetime is one
    /// of those in [`ttl`](crate::ttl), and `custom` otherwise. It is `rfc9111` for
    /// [`Policy::rfc9111`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Policy;
    ///
    /// let policy = Policy::ttl(Duration::from_secs(120)).class("prices");
    /// ```
    #[must_use]
    pub fn class(mut self, name: impl Into<Arc<str>>) -> Self {
        self.class = Some(name.into());
        self
    }

    /// Inserts a [`Served`](crate::Served) into the extensions of each response.
    ///
    /// A layer around the cache can then read how a request was answered. This costs an allocation
    /// for each response. [`CacheBuilder::served_extension`] does the same for all layers of a
    /// cache.
    ///
    /// Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).served_extension();
    /// ```
    ///
    /// [`CacheBuilder::served_extension`]: crate::CacheBuilder::served_extension
    #[must_use]
    pub fn served_extension(mut self) -> Self {
        self.request_rules_mut().served_extension = true;
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
    /// Whether responses have the extension that reports how they were served.
    pub(crate) fn has_served_extension(&self) -> bool {
        self.request_rules.as_ref().is_some_and(|rules| rules.served_extension)
    }

    /// Returns the name of the lifetime class in metrics.
    pub(crate) fn class_name(&self) -> &str {
        self.class.as_deref().unwrap_or_else(|| ttl::class_of(self.store.lifetime.fresh))
    }

    /// Returns the name of requests without a path that axum matched.
    pub(crate) fn own_name(&self) -> Arc<str> {
        self.name.clone().unwrap_or_else(|| UNNAMED.into())
    }
}
