//! The lag of the database replicas that handlers read.

use std::time::Duration;

use crate::engine::config_error::ConfigErrorKind;
use crate::engine::lag_limit::checked_lag;
use crate::http::policy::Policy;

/// The method for database replicas.
impl Policy {
    /// Sets how far the database replicas that the handlers read may lag behind the primary.
    ///
    /// A handler that reads a replica right after an invalidation may get the old row, and the
    /// response would be stored under a new position. With this limit, a fill that begins less than
    /// `lag` after an invalidation of one of its names is served, but it is stored only until `lag`
    /// has passed since that invalidation, and without stale windows. So once `lag` has passed
    /// since an invalidation, no response shows an older row.
    ///
    /// The moment of the invalidation is that of the log, by the log's own clock. Every way to
    /// invalidate counts, hard or soft: tags, keys, URIs, paths, globs and everything. So does an
    /// invalidation that may have been forgotten: right after the log has begun or was lost, and
    /// right after an instance without a shared store has started, responses are stored for at most
    /// `lag` too.
    ///
    /// Use a bound that the replicas keep, not their usual lag. Instances that share a store need
    /// the same bound for a route.
    ///
    /// Default: none, for handlers that read the primary. Minimum: 1 ms. Maximum: 1 hour.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD)
    ///     .tag("product:{id}")
    ///     .replica_lag(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn replica_lag(mut self, lag: Duration) -> Self {
        match checked_lag(lag) {
            Ok(lag) => self.replica_lag = Some(lag),
            Err(what) => self.record_error(ConfigErrorKind::Timeout, &what),
        }
        self
    }
}
