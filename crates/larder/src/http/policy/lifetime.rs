//! The lifetimes of stored responses.

use std::time::Duration;

use http::StatusCode;
use larder_core::http::storable::is_error;
use larder_core::lifetime::early_refresh::EarlyRefresh;
use larder_core::lifetime::jitter::Jitter;
use larder_core::stored::StoredResponse;
use larder_core::stored::lowered_lifetime::limit_lifetime;

use crate::engine::config_error::ConfigErrorKind;
use crate::http::policy::Policy;

/// Methods for the lifetime.
impl Policy {
    /// Sets how long a stale response may be served while it is refreshed.
    ///
    /// The window begins at the end of the freshness lifetime (RFC 5861 §3). One request starts the
    /// refresh, which runs in the background. If a response states `stale-while-revalidate`, that
    /// takes precedence.
    ///
    /// Default: no window. Minimum: 1 ms. Maximum: 1 year.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::FREQUENT).stale_while_revalidate(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.store.lifetime.while_revalidate =
            self.validated_lifetime("stale-while-revalidate window", window);
        self
    }

    /// Sets how long a stale response may be served if the handler fails.
    ///
    /// The window begins at the end of the freshness lifetime (RFC 5861 §4). A handler fails if it
    /// answers with 500, 502, 503 or 504, if it panics, or if the service returns an error. Add
    /// other status codes by [`error_status`](Self::error_status). If a response states
    /// `stale-if-error`, that takes precedence. A handler that fails is not asked by every request:
    /// see [`retry_after_error`](Self::retry_after_error).
    ///
    /// Default: no window. Minimum: 1 ms. Maximum: 1 year.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::FREQUENT).stale_if_error(Duration::from_secs(3600));
    /// ```
    #[must_use]
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.store.lifetime.if_error = self.validated_lifetime("stale-if-error window", window);
        self
    }

    /// Adds a status code that counts as a failure of the handler.
    ///
    /// A stale response may then be served instead: see [`stale_if_error`](Self::stale_if_error).
    /// Without one, requests that wait for the handler get the failure, as they do for a 5xx
    /// status.
    ///
    /// Default: 500, 502, 503 and 504. Only 4xx and 5xx status codes can be added.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use axum::http::StatusCode;
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::FREQUENT)
    ///     .stale_if_error(Duration::from_secs(3600))
    ///     .error_status(StatusCode::TOO_MANY_REQUESTS)
    ///     .error_status(StatusCode::REQUEST_TIMEOUT);
    /// ```
    #[must_use]
    pub fn error_status(mut self, status: StatusCode) -> Self {
        if status.is_client_error() || status.is_server_error() {
            self.error_statuses.push(status);
        } else {
            self.record_error(ConfigErrorKind::ErrorStatus, status.as_str());
        }
        self
    }

    /// Whether a response with this status is a failure, which may be shared but is no reason to
    /// remember its key.
    pub(crate) fn is_failure(&self, status: StatusCode) -> bool {
        status.is_server_error() || self.error_statuses.contains(&status)
    }

    /// Whether a stale response may be served instead of a response with this status.
    pub(crate) fn is_stale_on_error(&self, status: StatusCode) -> bool {
        is_error(status) || self.error_statuses.contains(&status)
    }

    /// Limits the lifetime of a response that was stored with another policy.
    pub(crate) fn limit_lifetime(&self, stored: &mut StoredResponse) {
        limit_lifetime(&self.store, self.jitter, stored);
    }

    /// Randomizes freshness lifetimes by up to `fraction`.
    ///
    /// Responses that were stored together then do not expire together. The lifetimes of the policy
    /// and of [`CacheFor`](crate::CacheFor) become longer or shorter. A lifetime that a response
    /// states in `Cache-Control` or `Expires` only becomes shorter (RFC 9111 §4.2).
    ///
    /// Default: 0.05. Minimum: 0.0, which turns it off. Maximum: 0.5.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let exactly_an_hour = Policy::ttl(ttl::STANDARD).jitter(0.0);
    /// ```
    #[must_use]
    pub fn jitter(mut self, fraction: f64) -> Self {
        match Jitter::new(fraction) {
            Some(jitter) => self.jitter = jitter,
            None => self.record_error(ConfigErrorKind::Jitter, &fraction.to_string()),
        }
        self
    }

    /// Sets how eagerly a response is refreshed in the background before it becomes stale.
    ///
    /// The aim is that no request has to wait for the refresh. `beta` is the β of XFetch (Vattani,
    /// Chierichetti and Lowenstein, VLDB 2015). The paper shows that 1 is the best value. A larger
    /// value refreshes earlier.
    ///
    /// Each hit near the end of the lifetime may start the refresh. It is answered like any other
    /// hit. At a time `t` before the end, the probability is `e^(-t / (cost · β))`. `cost` is how
    /// long the handler took the last time. For example, a response that took 100 ms is refreshed
    /// in its last few hundred milliseconds, if it is requested then.
    ///
    /// Default: 1. Minimum: 0, which turns it off. Maximum: 1000.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::FREQUENT).early_refresh(2.0);
    /// ```
    #[must_use]
    pub fn early_refresh(mut self, beta: f64) -> Self {
        match EarlyRefresh::new(beta) {
            Some(early) => self.early_refresh = early,
            None => self.record_error(ConfigErrorKind::EarlyRefresh, &beta.to_string()),
        }
        self
    }

    /// Adds a status code to those that are stored, and sets its freshness lifetime.
    ///
    /// The lifetime applies to responses that do not state their own. 1xx, 206 and 304 cannot be
    /// added.
    ///
    /// Default: the 2xx status codes. Minimum: 1 ms. Maximum: 1 year.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use axum::http::StatusCode;
    /// use larder::{Policy, ttl};
    ///
    /// let ten_seconds = Duration::from_secs(10);
    /// let policy = Policy::ttl(ttl::STANDARD).status(StatusCode::NOT_FOUND, ten_seconds);
    /// ```
    #[must_use]
    pub fn status(mut self, status: StatusCode, lifetime: Duration) -> Self {
        let lifetime = self.validated_lifetime("lifetime of a status", lifetime);
        self.store.statuses = std::mem::take(&mut self.store.statuses).with(status, Some(lifetime));
        if status == StatusCode::PARTIAL_CONTENT
            || status == StatusCode::NOT_MODIFIED
            || status.is_informational()
        {
            self.record_error(ConfigErrorKind::Status, status.as_str());
        }
        self
    }
}
