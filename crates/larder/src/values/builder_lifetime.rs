//! The lifetimes of the values in a collection.

use std::time::Duration;

use larder_core::lifetime::early_refresh::EarlyRefresh;
use larder_core::lifetime::jitter::Jitter;

use crate::engine::config_error::{ConfigErrorKind, check_lifetime};
use crate::values::builder::ValuesBuilder;
use crate::values::value_key::ValueKey;

/// Methods for lifetimes.
impl<K: ValueKey, V: Send + Sync + 'static, L, C> ValuesBuilder<K, V, L, C> {
    /// Sets for how long a value is fresh.
    ///
    /// Default: [`ttl::STANDARD`](crate::ttl::STANDARD). Minimum: 1 ms. Maximum: a year.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::values::Values;
    /// use larder::{Cache, ttl};
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default().values("name").ttl(ttl::FREQUENT).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ttl(mut self, lifetime: Duration) -> Self {
        self.options.lifetime.fresh = self.checked_lifetime("freshness lifetime", lifetime);
        self
    }

    /// Stores absences, too: a load that returns `None`. They are fresh for this long.
    ///
    /// A write that creates the value has to invalidate its key, or one of the tags of the absence.
    ///
    /// Default: absences are not stored. Minimum: 1 ms. Maximum: a year.
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
    ///     Cache::default().values("name").negative_ttl(Duration::from_secs(30)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn negative_ttl(mut self, lifetime: Duration) -> Self {
        self.options.negative_ttl = Some(self.checked_lifetime("lifetime of an absence", lifetime));
        self
    }

    /// Serves a stale value for this long after it expired, while it is refreshed.
    ///
    /// With a [loader](Self::loader), the value is refreshed in the background. Without one, one
    /// call loads the value, and the others get the stale one at once.
    ///
    /// Default: off. Minimum: 1 ms. Maximum: a year.
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
    /// Cache::default().values("name").stale_while_revalidate(Duration::from_secs(60)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.options.lifetime.while_revalidate =
            self.checked_lifetime("stale-while-revalidate window", window);
        self
    }

    /// Serves a stale value for this long after it expired, if its load fails.
    ///
    /// A load fails if it returns an error or panics.
    ///
    /// Default: off. Minimum: 1 ms. Maximum: a year.
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
    ///     Cache::default().values("name").stale_if_error(Duration::from_secs(3600)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.options.lifetime.if_error = self.checked_lifetime("stale-if-error window", window);
        self
    }

    /// Varies lifetimes at random by up to this fraction, so that values loaded together do not
    /// expire together.
    ///
    /// Default: 0.05. Minimum: 0, which is off. Maximum: 0.5.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default().values("name").jitter(0.1).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn jitter(mut self, fraction: f64) -> Self {
        match Jitter::new(fraction) {
            Some(jitter) => self.options.jitter = jitter,
            None => self.record_error(ConfigErrorKind::Jitter, &fraction.to_string()),
        }
        self
    }

    /// Sets how early a popular value is refreshed before it goes stale.
    ///
    /// This needs a [loader](Self::loader). The longer its loads take and the more often the value is
    /// used, the earlier it is refreshed. A `beta` above 1 refreshes earlier, and 0 never does.
    ///
    /// Default: 1. Minimum: 0. Maximum: 1000.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default().values("name").early_refresh(0.0).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn early_refresh(mut self, beta: f64) -> Self {
        match EarlyRefresh::new(beta) {
            Some(early) => self.options.early_refresh = early,
            None => self.record_error(ConfigErrorKind::EarlyRefresh, &beta.to_string()),
        }
        self
    }

    /// Returns the lifetime, and records an error if it is out of range. `what` names its role.
    pub(super) fn checked_lifetime(&mut self, what: &str, lifetime: Duration) -> Duration {
        if let Err(error) = check_lifetime(what, lifetime) {
            self.problem.get_or_insert(error);
        }
        lifetime
    }
}
