//! The options of a collection.

use std::time::Duration;

use larder_core::lifetime::Lifetime;
use larder_core::lifetime::early_refresh::EarlyRefresh;
use larder_core::lifetime::jitter::Jitter;

use crate::engine::coalesce::wait_limits::DEFAULT_RERUNS;
use crate::engine::ttl;
use crate::values::registry::CollectionKind;

/// The options of a collection that do not depend on its types.
#[derive(Debug, Clone)]
pub(super) struct ValueOptions {
    pub(super) lifetime: Lifetime,
    /// The freshness lifetime of an absence. `None` if absences are not stored.
    pub(super) negative_ttl: Option<Duration>,
    pub(super) jitter: Jitter,
    pub(super) early_refresh: EarlyRefresh,
    /// The limit of the time that other requests wait for a load.
    pub(super) load_timeout: Duration,
    /// The maximum number of calls that load again at the same time after a load that failed.
    pub(super) max_reruns: usize,
    /// The limit after which a stale value is served, if it may be used on error.
    pub(super) stale_after: Option<Duration>,
    /// The minimum time between two loads that fail, while a stale value is served.
    pub(super) retry_after_error: Duration,
    /// How long an error is remembered. `None` if errors are not.
    pub(super) error_ttl: Option<Duration>,
    /// How far the database replicas that loads read may lag. `None` if loads read the primary.
    pub(super) replica_lag: Option<Duration>,
    /// The maximum size of an encoded value that is shared.
    pub(super) max_value_bytes: usize,
    pub(super) memory_bytes: u64,
    pub(super) schema: u32,
    pub(super) kind: CollectionKind,
}

impl Default for ValueOptions {
    fn default() -> Self {
        Self {
            lifetime: Lifetime { fresh: ttl::STANDARD, ..Lifetime::default() },
            negative_ttl: None,
            jitter: Jitter::DEFAULT,
            early_refresh: EarlyRefresh::OPTIMAL,
            load_timeout: Duration::from_secs(30),
            max_reruns: DEFAULT_RERUNS,
            stale_after: None,
            retry_after_error: Duration::from_secs(1),
            error_ttl: None,
            replica_lag: None,
            max_value_bytes: 1024 * 1024,
            memory_bytes: 32 * 1024 * 1024,
            schema: 1,
            kind: CollectionKind::Values,
        }
    }
}

impl ValueOptions {
    /// Returns the lifetime of a loaded value or absence. `None` if it is not stored.
    pub(super) fn lifetime_of(&self, is_present: bool) -> Option<Lifetime> {
        let fresh = if is_present { self.lifetime.fresh } else { self.negative_ttl? };
        Some(Lifetime { fresh, ..self.lifetime })
    }

    /// Returns the lifetime with its part of freshness varied at random.
    pub(super) fn varied(&self, lifetime: Lifetime) -> Lifetime {
        let fresh = self.jitter.vary(lifetime.fresh, lifetime.fresh, fastrand::f64());
        Lifetime { fresh, ..lifetime }
    }

    /// Limits the lifetime of a value from the shared tier to the one that these options give it.
    ///
    /// The options may have changed since it was stored, for example with a deploy. Nothing becomes
    /// longer.
    pub(super) fn limit_lifetime(&self, stored: &mut Lifetime, is_present: bool) {
        let Some(current) = self.lifetime_of(is_present) else {
            *stored = Lifetime::default();
            return;
        };
        if stored.fresh > self.jitter.longest(current.fresh) {
            stored.fresh = current.fresh;
        }
        stored.while_revalidate = stored.while_revalidate.min(current.while_revalidate);
        stored.if_error = stored.if_error.min(current.if_error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_stored_lifetime_only_becomes_shorter() {
        let options = ValueOptions {
            lifetime: Lifetime { fresh: secs(100), while_revalidate: secs(10), if_error: secs(20) },
            negative_ttl: Some(secs(5)),
            ..ValueOptions::default()
        };
        let limited = |fresh, while_revalidate, if_error, is_present| {
            let mut lifetime = Lifetime {
                fresh: secs(fresh),
                while_revalidate: secs(while_revalidate),
                if_error: secs(if_error),
            };
            options.limit_lifetime(&mut lifetime, is_present);
            [lifetime.fresh, lifetime.while_revalidate, lifetime.if_error].map(|time| time.as_secs())
        };
        assert_eq!(limited(105, 10, 20, true), [105, 10, 20], "within the jitter");
        assert_eq!(limited(106, 11, 1, true), [100, 10, 1]);
        assert_eq!(limited(1, 0, 0, true), [1, 0, 0]);
        assert_eq!(limited(100, 10, 20, false), [5, 10, 20]);
        let mut stored = options.lifetime;
        ValueOptions { negative_ttl: None, ..options }.limit_lifetime(&mut stored, false);
        assert_eq!(stored, Lifetime::default(), "absences are not stored any more");
    }
}
