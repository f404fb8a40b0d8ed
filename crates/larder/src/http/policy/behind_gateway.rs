//! Policies of services behind another Larder.

use crate::http::policy::Policy;

/// Methods for a service that has another Larder in front of it.
impl Policy {
    /// States the position of stored responses for a Larder in front of this service.
    ///
    /// Both caches must share one invalidation log: use the same Redis and namespace. Until this
    /// service has read an invalidation, it may still serve what was invalidated, for up to
    /// [`max_staleness`](crate::CacheBuilder::max_staleness). The cache in front has perhaps read it
    /// already, and would store such a response as a new one, for its whole lifetime. With this
    /// setting, a stored response goes out with its position in the log, in the field
    /// `Larder-Position`. The cache in front then refuses it after the same invalidations.
    ///
    /// The field is sent only in answer to requests with the field `Larder-Fill`, which the cache
    /// in front adds. It removes `Larder-Position` from the responses. A response whose field has
    /// the position of another log is not stored there, with the reason `other-log`.
    ///
    /// Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).behind_gateway();
    /// ```
    #[must_use]
    pub const fn behind_gateway(mut self) -> Self {
        self.states_position = true;
        self.adds_fields = true;
        self
    }
}
