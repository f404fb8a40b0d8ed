//! The limits of a collection: times of loads, and sizes.

use std::time::Duration;

use crate::engine::coalesce::wait_limits::{FILL_TIMEOUT, MAX_RETRY_AFTER_ERROR, STALE_AFTER};
use crate::engine::config_error::ConfigErrorKind;
use crate::engine::lag_limit::checked_lag;
use crate::values::builder::ValuesBuilder;
use crate::values::value_key::ValueKey;

/// Methods for limits of time and size.
impl<K: ValueKey, V: Send + Sync + 'static, L, C> ValuesBuilder<K, V, L, C> {
    /// Sets how long other calls wait for a load.
    ///
    /// The value of a load that takes longer is returned to its own caller, and not stored. Calls
    /// that wait for it load for themselves, at most [`max_reruns`](Self::max_reruns) at once.
    ///
    /// Default: 30 s. Minimum: 100 ms. Maximum: 10 min.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> =
    ///     Cache::default().values("name").load_timeout(Duration::from_secs(5)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn load_timeout(mut self, limit: Duration) -> Self {
        if !FILL_TIMEOUT.contains(&limit) {
            let what = format!("a load_timeout of {limit:?} is not between 100 ms and 10 minutes");
            self.record_error(ConfigErrorKind::Timeout, &what);
            return self;
        }
        self.options.load_timeout = limit;
        self
    }

    /// Sets how many calls may load the value of one key at once after a load that they waited for.
    ///
    /// This applies if that load was of no use to them: it was too slow, or failed with an error of
    /// another type or on another instance. The limit applies to each instance separately.
    ///
    /// Default: 4. Minimum: 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default().values("name").max_reruns(1).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_reruns(mut self, calls: usize) -> Self {
        if calls == 0 {
            self.record_error(ConfigErrorKind::Limit, "max_reruns 0");
        }
        self.options.max_reruns = calls;
        self
    }

    /// Serves a stale value if the load has not ended within this time.
    ///
    /// It applies where the stale value may be served if the load fails: see
    /// [`stale_if_error`](Self::stale_if_error). A load of [`Values::load`](crate::values::Values::load)
    /// goes on in the background. In [`get_or_load`](crate::values::Values::get_or_load), the call
    /// whose load runs waits for it, because the load ends with its call. The others get the stale
    /// value.
    ///
    /// Default: off. Minimum: 1 ms. Maximum: 10 min.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default()
    ///     .values("name")
    ///     .stale_if_error(Duration::from_secs(3600))
    ///     .serve_stale_after(Duration::from_millis(500))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve_stale_after(mut self, limit: Duration) -> Self {
        if !STALE_AFTER.contains(&limit) {
            let what = format!("a serve_stale_after of {limit:?} is not between 1 ms and 10 minutes");
            self.record_error(ConfigErrorKind::Timeout, &what);
            return self;
        }
        self.options.stale_after = Some(limit);
        self
    }

    /// Sets how often a failing load is tried again while a stale value is served.
    ///
    /// After a failure, all calls for the key get the stale value at once for this long. Then one
    /// of them loads, and the others still get the stale value at once. With a shared store, this
    /// holds over all instances.
    ///
    /// Default: 1 s. Minimum: 0 s, which is no limit. Maximum: 1 min.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default()
    ///     .values("name")
    ///     .stale_if_error(Duration::from_secs(3600))
    ///     .retry_after_error(Duration::from_secs(5))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry_after_error(mut self, delay: Duration) -> Self {
        if delay > MAX_RETRY_AFTER_ERROR {
            let what = format!("a retry_after_error of {delay:?} is over a minute");
            self.record_error(ConfigErrorKind::Timeout, &what);
            return self;
        }
        self.options.retry_after_error = delay;
        self
    }

    /// Remembers the error of a load for this long, on the instance that ran it.
    ///
    /// Calls for the key get that error without a load, unless there is a stale value to serve. An
    /// invalidation of the key ends it.
    ///
    /// Default: errors are not remembered. Minimum: 1 ms. Maximum: a year.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> =
    ///     Cache::default().values("name").error_ttl(Duration::from_millis(500)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn error_ttl(mut self, lifetime: Duration) -> Self {
        self.options.error_ttl = Some(self.checked_lifetime("lifetime of an error", lifetime));
        self
    }

    /// Sets how far the database replicas that loads read may lag behind the primary.
    ///
    /// A load that reads a replica right after an invalidation may get the old value, and it would
    /// be stored under a new position. With this limit, the value of a load that begins less than
    /// `lag` after an invalidation of one of its names is returned. But it is stored only until
    /// `lag` has passed since that invalidation, and without stale windows. So once `lag` has
    /// passed, no older value is returned. See
    /// [`Policy::replica_lag`](crate::Policy::replica_lag) for what counts as an invalidation.
    ///
    /// The value of a write-through has its whole lifetime, because it is not read from a replica.
    /// A [write-behind](Self::write_behind) collection keeps a write in its queue until `lag` has
    /// passed since its flush. Until then, the write is the value. A partition then flushes at most
    /// 10,000 writes in each `lag`.
    ///
    /// Use a bound that the replicas keep, not their usual lag.
    ///
    /// Default: none, for loads that read the primary. Minimum: 1 ms. Maximum: 1 hour.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> =
    ///     Cache::default().values("name").replica_lag(Duration::from_secs(5)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn replica_lag(mut self, lag: Duration) -> Self {
        match checked_lag(lag) {
            Ok(lag) => self.options.replica_lag = Some(lag),
            Err(what) => self.record_error(ConfigErrorKind::Timeout, &what),
        }
        self
    }

    /// Sets how many bytes of values are kept in the memory of this process.
    ///
    /// When they take more, the values that are used least are dropped. With 0, nothing is kept in
    /// memory.
    ///
    /// Default: 32 MiB. They do not count for
    /// [`CacheBuilder::max_memory_bytes`](crate::CacheBuilder::max_memory_bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> =
    ///     Cache::default().values("name").max_memory_bytes(4 * 1024 * 1024).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn max_memory_bytes(mut self, bytes: u64) -> Self {
        self.options.memory_bytes = bytes;
        self
    }

    /// Sets the maximum size of an encoded value in the shared store, in bytes.
    ///
    /// A larger value is returned, and kept in memory if it fits. It is not shared.
    ///
    /// Default: 1 MiB. Minimum: 1 byte.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default().values("name").max_value_bytes(4096).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        if bytes == 0 {
            self.record_error(ConfigErrorKind::Limit, "max_value_bytes 0");
        }
        self.options.max_value_bytes = bytes;
        self
    }
}
