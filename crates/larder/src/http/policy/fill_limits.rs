//! The limits of the time that requests wait for a fill.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::engine::coalesce::wait_limits::{
    DEFAULT_RERUNS, FILL_TIMEOUT, MAX_RETRY_AFTER_ERROR, STALE_AFTER,
};
use crate::engine::config_error::ConfigErrorKind;
use crate::http::policy::Policy;

/// The limits of the time that requests wait for one run of the handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FillLimits {
    /// The limit from the call of the handler to the head of its response.
    pub(crate) head: Duration,
    /// The limit from the head to the end of a body of unknown length, for followers.
    pub(crate) unknown_length: Duration,
    /// The limit after which a stale response is served, if it may be used on error.
    pub(crate) stale_after: Option<Duration>,
    /// The minimum time between two runs of a handler that fails, while a stale response is served.
    pub(crate) retry_after_error: Duration,
    /// The maximum number of requests of one key that run the handler again at the same time.
    pub(crate) max_reruns: usize,
    /// The wait after which a follower may be a request of the handler itself.
    pub(crate) own_request: Duration,
    /// Whether followers stream bodies of unknown length.
    pub(crate) follow_unknown_length: bool,
}

impl Default for FillLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            unknown_length: Duration::from_secs(1),
            stale_after: None,
            retry_after_error: Duration::from_secs(1),
            max_reruns: DEFAULT_RERUNS,
            own_request: Duration::from_secs(1),
            follow_unknown_length: false,
        }
    }
}

const OWN_REQUEST_WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);
/// The maximum of `unknown_length_wait`. A body that takes longer to arrive is not stored.
const MAX_UNKNOWN_LENGTH_WAIT: Duration = Duration::from_secs(10);

/// Methods for limits of time.
impl Policy {
    /// Sets how long a fill waits for the head of the handler's response.
    ///
    /// A fill that takes longer ends with the reason `fill-timeout`, and its response is not
    /// stored. Requests that wait for it, on this instance and on others, run the handler again, at
    /// most [`max_reruns`](Self::max_reruns) at once. The handler of the late fill goes on only
    /// while the client that started it waits.
    ///
    /// A request that waits for fills of other requests waits at most this long in total. Bodies
    /// have another limit: see [`unknown_length_wait`](Self::unknown_length_wait).
    ///
    /// Default: 30 s. Minimum: 100 ms. Maximum: 10 min.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).fill_timeout(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn fill_timeout(mut self, limit: Duration) -> Self {
        if FILL_TIMEOUT.contains(&limit) {
            self.fill_limits.head = limit;
        } else {
            let what = format!("a fill_timeout of {limit:?} is not between 100 ms and 10 minutes");
            self.record_error(ConfigErrorKind::Timeout, &what);
        }
        self
    }

    /// Serves a stale response if the handler has not answered within this time.
    ///
    /// It applies where the stale response may be used if the handler fails: see
    /// [`stale_if_error`](Self::stale_if_error). The handler goes on in the background, within
    /// [`fill_timeout`](Self::fill_timeout), and its response is stored for later requests.
    /// Requests that wait for this handler, on this instance or on another one, get the stale
    /// response too.
    ///
    /// Default: off. Minimum: 1 ms. Maximum: 10 min.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::FREQUENT)
    ///     .stale_if_error(Duration::from_secs(3600))
    ///     .serve_stale_after(Duration::from_millis(500));
    /// ```
    #[must_use]
    pub fn serve_stale_after(mut self, limit: Duration) -> Self {
        if STALE_AFTER.contains(&limit) {
            self.fill_limits.stale_after = Some(limit);
        } else {
            let what = format!("a serve_stale_after of {limit:?} is not between 1 ms and 10 minutes");
            self.record_error(ConfigErrorKind::Timeout, &what);
        }
        self
    }

    /// Sets how often a failing handler is asked while a stale response is served.
    ///
    /// After a failure, all requests for the key get the stale response at once for this long.
    /// Then one of them runs the handler again, and the others still get the stale response at
    /// once. With a shared store, this holds over all instances. A `Retry-After` field of the
    /// handler, up to a minute, counts if it is longer.
    ///
    /// The limit also applies to refreshes in the background. It does not apply to a request that
    /// may not get the stale response, for example after an invalidation.
    ///
    /// Default: 1 s. Minimum: 0 s, with which only `Retry-After` counts. Maximum: 1 min.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::FREQUENT)
    ///     .stale_if_error(Duration::from_secs(3600))
    ///     .retry_after_error(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn retry_after_error(mut self, delay: Duration) -> Self {
        if delay <= MAX_RETRY_AFTER_ERROR {
            self.fill_limits.retry_after_error = delay;
        } else {
            let what = format!("a retry_after_error of {delay:?} is over a minute");
            self.record_error(ConfigErrorKind::Timeout, &what);
        }
        self
    }

    /// Sets how many requests for one key run the handler again at the same time.
    ///
    /// Requests that wait for a run cannot always use what comes of it: for example a failure with
    /// `no-store` or `Set-Cookie`, or a panic. Then each of them runs the handler for itself.
    /// Without a limit, a failing handler would be called by all of them at once. The others wait
    /// for up to a quarter of [`fill_timeout`](Self::fill_timeout), at most a second. After that
    /// they run the handler, too, because without a cache they would not have waited at all.
    ///
    /// The limit counts for each instance.
    ///
    /// Default: 4. Minimum: 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).max_reruns(1);
    /// ```
    #[must_use]
    pub fn max_reruns(mut self, requests: usize) -> Self {
        if requests == 0 {
            self.record_error(ConfigErrorKind::Limit, "max_reruns 0");
        }
        self.fill_limits.max_reruns = requests;
        self
    }

    /// Sets how long a handler may wait for a request that it has sent to its own URI.
    ///
    /// Such a request gets the same key, so it would wait for the very run that waits for it.
    /// Within one task, for example through `Router::oneshot`, the cache recognizes it at once, and
    /// runs the handler for it. Over a socket it looks like any other request. If the last request
    /// that joined a run has waited for this long, and the handler has not answered, the cache runs
    /// the handler for that request. At most two requests do so for one run.
    ///
    /// If a handler is just slow, that costs at most two further runs. The cache learns how slow
    /// the handlers of a layer are, and waits at least twice as long from then on. Set this to
    /// [`fill_timeout`](Self::fill_timeout) if no handler requests its own URI, and a slow one must
    /// never run twice.
    ///
    /// A request that another instance gets waits for up to `fill_timeout`, unless the handler
    /// passes on the field `Larder-Fill` of its own request, as proxies do. The cache then
    /// recognizes it at once.
    ///
    /// Default: 1 s. Minimum: 10 ms. Maximum: 10 min.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).own_request_wait(Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn own_request_wait(mut self, limit: Duration) -> Self {
        if OWN_REQUEST_WAIT.contains(&limit) {
            self.fill_limits.own_request = limit;
        } else {
            let what = format!("an own_request_wait of {limit:?} is not between 10 ms and 10 minutes");
            self.record_error(ConfigErrorKind::Timeout, &what);
        }
        self
    }

    /// Sets how long followers wait for the end of a body whose length the response does not state.
    ///
    /// Such a body may turn out to be too large to be stored, so followers get it only when it is
    /// complete. If this time has passed since the head of the response, each follower runs the
    /// handler for itself. The body may still be stored later.
    ///
    /// Default: 1 s. Minimum: 0 s, with which no request waits for such a body. Maximum: 10 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).unknown_length_wait(Duration::from_secs(3));
    /// ```
    #[must_use]
    pub fn unknown_length_wait(mut self, limit: Duration) -> Self {
        if limit <= MAX_UNKNOWN_LENGTH_WAIT {
            self.fill_limits.unknown_length = limit;
        } else {
            let what = format!("an unknown_length_wait of {limit:?} is over 10 seconds");
            self.record_error(ConfigErrorKind::Timeout, &what);
        }
        self
    }

    /// Streams bodies of unknown length to followers as they arrive.
    ///
    /// Use this for a slow handler that produces the same bytes each time. If a body turns out to
    /// be too large to be stored, each follower runs the handler to get the rest. If the bytes at
    /// the beginning differ then, the response of the follower ends in an error.
    ///
    /// Default: off. Followers stream a body only if its length is known and within
    /// [`max_body`](Self::max_body).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).follow_unknown_length();
    /// ```
    #[must_use]
    pub const fn follow_unknown_length(mut self) -> Self {
        self.fill_limits.follow_unknown_length = true;
        self
    }
}
