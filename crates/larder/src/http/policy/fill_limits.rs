//! How long requests wait for a handler that another request has started.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::http::policy::Policy;
use crate::http::policy::error::ConfigErrorKind;

/// The bounds on the waits for one run of the handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FillLimits {
    /// From the call of the handler to the head of its response.
    pub(crate) head: Duration,
    /// From the head to the end of a body of unknown length, for followers.
    pub(crate) unknown_length: Duration,
    /// Whether followers stream bodies of unknown length.
    pub(crate) follow_unknown_length: bool,
}

impl Default for FillLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            unknown_length: Duration::from_secs(1),
            follow_unknown_length: false,
        }
    }
}

const FILL_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);
/// No body is read for longer than this to be stored.
const MAX_UNKNOWN_LENGTH_WAIT: Duration = Duration::from_secs(10);

impl FillLimits {
    /// How long a follower waits for other requests, however many of them fail: less than `fill_timeout` in all, as it may
    /// wait for its turn to run the handler after that.
    pub(crate) fn follower_wait(self) -> Duration {
        self.head - self.rerun_wait()
    }

    /// How long a request waits for its turn to run the handler after other requests failed.
    pub(crate) fn rerun_wait(self) -> Duration {
        (self.head / 4).min(Duration::from_secs(1))
    }
}

impl Policy {
    /// Sets how long a fill waits for the head of the handler's response.
    ///
    /// A fill that takes longer ends with the reason `fill-timeout`: its response is not stored, and requests that wait for
    /// it, here and on other instances, run the handler again, at most four of them at once. The handler goes on only while
    /// the client that started it waits. A request that waits for others waits at most this long in all. For a body there
    /// are other bounds: see [`unknown_length_wait`](Self::unknown_length_wait).
    ///
    /// Default: 30 s. Minimum: 100 ms. Maximum: 10 min.
    ///
    /// ```
    /// use std::time::Duration;
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

    /// Sets how long followers wait for the end of a body whose length the response does not state.
    ///
    /// Such a body may turn out too large to be stored, so followers get it once it is complete. When this time has passed
    /// since the head of the response, they run the handler for themselves. The body may still be stored later.
    ///
    /// Default: 1 s. Maximum: 10 s. With zero, no request waits for such a body.
    ///
    /// ```
    /// use std::time::Duration;
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
    /// By default followers stream only a body whose length is known and within [`max_body`](Self::max_body). Use this for
    /// a slow handler that makes the same bytes each time: where a body turns out too large to be stored, each follower runs
    /// the handler for the rest, and its response ends in an error if the beginning differs.
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
