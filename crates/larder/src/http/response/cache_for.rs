//! The lifetime that a handler gives its response.

use std::time::Duration;

use larder_core::http::freshness::Override;

/// The lifetime of a response. It takes precedence over `Cache-Control` and over the policy.
///
/// With the feature `axum`, this is a response part. Otherwise, insert it into the extensions of
/// the response.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use larder::CacheFor;
///
/// let half_a_minute = CacheFor::from_secs(30);
/// let longer_on_errors = CacheFor::from_secs(30).stale_if_error(Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheFor(Override);

impl CacheFor {
    /// Creates a part that sets the freshness lifetime.
    ///
    /// The policy varies the lifetime by its [jitter](crate::Policy::jitter).
    /// With zero, the response is not stored unless it can be validated.
    #[must_use]
    pub fn new(lifetime: Duration) -> Self {
        Self(Override { fresh: Some(lifetime), ..Override::default() })
    }

    /// Creates a part that sets the freshness lifetime in seconds.
    #[must_use]
    pub fn from_secs(seconds: u64) -> Self {
        Self::new(Duration::from_secs(seconds))
    }

    /// Sets how long the response may then be served stale while it is refreshed.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.0.while_revalidate = Some(window);
        self
    }

    /// Sets how long the response may then be served stale if the handler fails.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.0.if_error = Some(window);
        self
    }

    pub(crate) const fn as_override(&self) -> &Override {
        &self.0
    }

    /// Returns this lifetime, and the other one where this says nothing.
    #[cfg(feature = "axum")]
    pub(super) fn merge_after(self, Self(other): Self) -> Self {
        Self(Override {
            fresh: self.0.fresh.or(other.fresh),
            while_revalidate: self.0.while_revalidate.or(other.while_revalidate),
            if_error: self.0.if_error.or(other.if_error),
        })
    }
}
