//! The options for the work with the shared store.

use std::time::Duration;

use crate::cache::builder::CacheBuilder;

impl CacheBuilder {
    /// Sets how long other instances may keep serving a response after it was invalidated.
    ///
    /// Each instance must confirm within this time that it has read the whole invalidation log. If
    /// it cannot, it stops serving responses that it filled longer ago than this time, and calls
    /// the handlers instead. Has no effect without a shared store. Default: 2 s. Minimum: 100 ms.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_staleness(Duration::from_millis(500)).build();
    /// ```
    #[must_use]
    pub fn max_staleness(mut self, limit: Duration) -> Self {
        self.max_staleness = limit;
        self
    }

    /// Sets how long an invalidation waits for the shared store.
    ///
    /// After that it is [`Deferred`](crate::InvalidationOutcome::Deferred): it has taken effect on
    /// this instance, and takes effect on the others as soon as the store answers. This applies to
    /// [`Cache::invalidate`](crate::Cache::invalidate), and to the requests with unsafe methods
    /// that invalidate. An invalidation of more than 1,024 selectors has this time for each of its
    /// steps. If hundreds of invalidations are deferred already, the next ones wait for up to a
    /// second.
    ///
    /// Default: 100 ms. Has no effect without a shared store.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().invalidation_timeout(Duration::from_millis(300)).build();
    /// ```
    #[must_use]
    pub fn invalidation_timeout(mut self, limit: Duration) -> Self {
        self.store_limits.invalidation_timeout = limit;
        self
    }

    /// Sets the maximum size of the bodies that are stored in the shared store.
    ///
    /// A response with a larger body stays in the memory of the instance that filled it.
    /// [`Stats::too_large_to_share`](crate::Stats::too_large_to_share) counts these responses. If
    /// the memory tier is off or too small for it, the response is not stored.
    ///
    /// Default: 8 MiB. Has no effect without a shared store.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_shared_body_bytes(1024 * 1024).build();
    /// ```
    #[must_use]
    pub fn max_shared_body_bytes(mut self, bytes: u64) -> Self {
        self.store_limits.max_body_bytes = bytes;
        self
    }
}
