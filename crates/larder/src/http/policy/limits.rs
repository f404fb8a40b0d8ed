//! Limits on what a route may store.

use crate::engine::config_error::ConfigErrorKind;
use crate::http::policy::Policy;

/// Methods for limits on size and number.
impl Policy {
    /// Sets the maximum size of a stored body, in bytes.
    ///
    /// A response with a larger body is passed on unchanged and is not stored. Neither is a body
    /// that no tier can store. A layer whose policy allows such bodies logs a warning when it is
    /// created.
    ///
    /// The memory tier takes bodies of up to about nine tenths of
    /// [`max_memory_bytes`](crate::CacheBuilder::max_memory_bytes) divided by four times the number
    /// of cores, or 3.5 MiB if that is more. The shared store takes
    /// [`max_shared_body_bytes`](crate::CacheBuilder::max_shared_body_bytes).
    ///
    /// Default: 1 MiB. Minimum: 1 byte.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let images = Policy::ttl(ttl::STATIC).max_body(8 * 1024 * 1024);
    /// ```
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        if bytes == 0 {
            self.record_error(ConfigErrorKind::Limit, "max_body 0");
        }
        self.max_body = bytes;
        self
    }

    /// Sets how many responses per minute may be written to the shared store under new keys.
    ///
    /// A key or variant is new if no response was stored under it before. Refreshed responses, and
    /// responses that replace an invalidated one, do not count. Responses over the limit are stored
    /// only in memory, whose size in bytes is limited anyway.
    ///
    /// Use this for routes whose keys a client can make up, such as a search. A flood of such keys
    /// then cannot evict everything else from Redis. The limit applies to each layer of each
    /// instance separately.
    ///
    /// Default: no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let search = Policy::ttl(ttl::FREQUENT).query_only(["q"]).max_new_keys_per_minute(600);
    /// ```
    #[must_use]
    pub const fn max_new_keys_per_minute(mut self, limit: u32) -> Self {
        self.max_new_keys = Some(limit);
        self
    }
}
