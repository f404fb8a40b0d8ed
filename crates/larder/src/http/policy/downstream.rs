//! The lifetimes for browsers and CDNs.

use std::time::Duration;

use larder_core::http::downstream::DownstreamRules;

use crate::http::policy::Policy;

/// The times for which caches downstream may use a response, for [`Policy::downstream`].
///
/// A new value sets no time. Each method sets one, counted from the moment at which the recipient
/// gets the response. 0 means that the recipient has to ask again for each use.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use larder::Downstream;
///
/// let downstream = Downstream::new()
///     .browser(Duration::from_secs(60))
///     .cdn(Duration::from_secs(600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "it has no effect until it is passed to `Policy::downstream`"]
pub struct Downstream {
    rules: DownstreamRules,
}

impl Downstream {
    /// Creates a value that sets no time.
    pub const fn new() -> Self {
        Self { rules: DownstreamRules { browser: None, cdn: None, surrogate: None } }
    }

    /// Sets the time for browsers, in `Cache-Control: max-age`.
    ///
    /// Every cache follows this field if it finds none for it alone. A handler that states a
    /// shorter `max-age` or `Expires` is followed instead.
    ///
    /// Default: the time that the handler states, if it states one. Minimum: 0 s. Maximum: 1 year.
    /// Fractions of a second are dropped.
    pub const fn browser(mut self, time: Duration) -> Self {
        self.rules.browser = Some(time);
        self
    }

    /// Sets the time for CDNs, in `CDN-Cache-Control: max-age` (RFC 9213).
    ///
    /// A `CDN-Cache-Control` field of the handler stays as it is.
    ///
    /// Default: no such field. Minimum: 0 s. Maximum: 1 year. Fractions of a second are dropped.
    pub const fn cdn(mut self, time: Duration) -> Self {
        self.rules.cdn = Some(time);
        self
    }

    /// Sets the time for CDNs that read `Surrogate-Control: max-age`.
    ///
    /// A `Surrogate-Control` field of the handler stays as it is.
    ///
    /// Default: no such field. Minimum: 0 s. Maximum: 1 year. Fractions of a second are dropped.
    pub const fn surrogate(mut self, time: Duration) -> Self {
        self.rules.surrogate = Some(time);
        self
    }
}

/// The method for caches downstream.
impl Policy {
    /// Sets how long browsers and CDNs may use a response, apart from the lifetime in this cache.
    ///
    /// By default, the fields of the handler leave as they are. They then mean two things: a
    /// `max-age=60` limits the lifetime in this cache, and a browser that gets the response after a
    /// minute finds it stale, because `Age` counts since the handler made it. With this method:
    ///
    /// * **This cache** uses the lifetime of the policy. A `max-age` or `Expires` of the handler
    ///   does not change it. [`CacheFor`](crate::CacheFor), `s-maxage` and a [targeted
    ///   field](Self::targeted_cache_control) still set it, and `no-store`, `private`, `no-cache`
    ///   and `must-revalidate` mean what they always mean. With [`rfc9111`](Self::rfc9111), only
    ///   the fields decide, so `max-age` counts for this cache too.
    /// * **Browsers** may use the response for [`Downstream::browser`], or for the `max-age` of the
    ///   handler if that is shorter, from the moment they get it. The `max-age` that leaves is the
    ///   `Age` of the response plus that time (RFC 9111 §4.2). `Expires` is replaced by it. All
    ///   directives that are no lifetimes stay.
    /// * **CDNs** get a field with a time of their own, if [`Downstream::cdn`] or
    ///   [`Downstream::surrogate`] sets one. A response with `private` or `no-cache` gets no such
    ///   field, because a CDN that finds one ignores `Cache-Control`. So with
    ///   [`per_user`](Self::per_user), there is no field for CDNs.
    ///
    /// An example, with a lifetime of an hour and a minute for browsers, after half an hour:
    ///
    /// | from the handler | in this cache | what leaves | in the browser |
    /// | --- | --- | --- | --- |
    /// | none | an hour | `max-age=1860`, `Age: 1800` | 60 s |
    /// | `max-age=5, immutable` | an hour | `max-age=1805, immutable`, `Age: 1800` | 5 s |
    /// | `max-age=600` | an hour | `max-age=1860`, `Age: 1800` | 60 s |
    /// | `no-store` | not stored | `no-store` | – |
    ///
    /// # Bounds
    ///
    /// No time reaches beyond the rest of the lifetime in this cache and of the longer stale
    /// window, including the limit of [`replica_lag`](Self::replica_lag). For a stale response,
    /// every time is 0: the next request may get a fresh one. An invalidation does not reach copies
    /// downstream, so choose times for which an old response is acceptable.
    ///
    /// This applies to each response that is stored or comes from the cache: hits, misses, stale
    /// responses, 304, 206, and responses to `HEAD`. A response that is not stored leaves as the
    /// handler made it.
    ///
    /// Default: off. Responses that were stored before a change of the policy get the new times.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Downstream, Policy, ttl};
    ///
    /// // An hour here, a minute in browsers, ten minutes in the CDN.
    /// let policy = Policy::ttl(ttl::STANDARD).downstream(
    ///     Downstream::new().browser(Duration::from_secs(60)).cdn(Duration::from_secs(600)),
    /// );
    /// ```
    #[must_use]
    pub fn downstream(mut self, downstream: Downstream) -> Self {
        let DownstreamRules { browser, cdn, surrogate } = downstream.rules;
        for (what, time) in [("browser", browser), ("CDN", cdn), ("surrogate", surrogate)] {
            // Zero is a time too: the recipient then asks for each use.
            if let Some(time) = time.filter(|time| !time.is_zero()) {
                self.validated_lifetime(&format!("{what} lifetime"), time);
            }
        }
        self.store.max_age_downstream = !self.store.require_explicit;
        self.downstream = Some(downstream.rules);
        self.adds_fields = true;
        self
    }
}
