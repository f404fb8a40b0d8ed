//! The options of a collection.

use std::time::Duration;

use larder_core::lifetime::Lifetime;
use larder_core::lifetime::early_refresh::EarlyRefresh;
use larder_core::lifetime::jitter::Jitter;

use crate::engine::coalesce::wait_limits::DEFAULT_RERUNS;
use crate::engine::ttl;
use crate::values::collection_policy::{CollectionPolicy, WriteBehindPolicy};
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

    /// Describes the options of the collection with this name.
    pub(super) fn describe(
        &self,
        name: &str,
        has: HasFunctions,
        write_behind: Option<WriteBehindPolicy>,
    ) -> CollectionPolicy {
        CollectionPolicy {
            name: name.to_owned(),
            ttl: self.lifetime.fresh,
            negative_ttl: self.negative_ttl,
            error_ttl: self.error_ttl,
            stale_while_revalidate: self.lifetime.while_revalidate,
            stale_if_error: self.lifetime.if_error,
            jitter: self.jitter.fraction(),
            early_refresh: self.early_refresh.beta(),
            load_timeout: self.load_timeout,
            serve_stale_after: self.stale_after,
            retry_after_error: self.retry_after_error,
            max_reruns: self.max_reruns,
            replica_lag: self.replica_lag,
            max_memory_bytes: self.memory_bytes,
            max_value_bytes: self.max_value_bytes,
            schema: self.schema,
            has_loader: has.loader,
            has_tags: has.tags,
            has_invalidations: has.invalidations,
            write_behind,
        }
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

/// The functions of a collection, as far as operators need to know of them.
#[derive(Clone, Copy)]
pub(super) struct HasFunctions {
    pub(super) loader: bool,
    pub(super) tags: bool,
    pub(super) invalidations: bool,
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use larder_core::write_queue::Durability;

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

    const NONE: HasFunctions = HasFunctions { loader: false, tags: false, invalidations: false };

    const fn writes(durability: Durability) -> WriteBehindPolicy {
        WriteBehindPolicy {
            is_in_process: matches!(durability, Durability::Memory),
            partitions: 8,
            max_queued: 100,
            max_queued_bytes: 1_000,
            durability,
            max_batch: 500,
            flush_timeout: secs(30),
            max_attempts: 3,
        }
    }

    #[test]
    fn a_collection_has_a_text() {
        let hour = ValueOptions {
            lifetime: Lifetime { fresh: secs(60), ..Lifetime::default() },
            ..ValueOptions::default()
        };
        let stale = Lifetime { fresh: secs(60), while_revalidate: secs(2), if_error: secs(3) };
        let replicas = Durability::Replicas(NonZeroU16::new(2).unwrap());
        let cases = [
            (hour.clone(), NONE, None, "a: ttl 60s, absences are not stored"),
            (
                ValueOptions {
                    lifetime: stale,
                    negative_ttl: Some(secs(5)),
                    error_ttl: Some(secs(1)),
                    ..hour.clone()
                },
                HasFunctions { loader: true, tags: true, invalidations: true },
                None,
                "a: ttl 60s, absences for 5s, errors for 1s, stale-while-revalidate 2s, stale-if-error 3s, loader, tags",
            ),
            (
                ValueOptions { memory_bytes: 0, ..hour.clone() },
                NONE,
                Some(writes(replicas)),
                "a: ttl 60s, absences are not stored, no memory, write-behind: 8 partitions, durability 2 replicas",
            ),
            (
                hour,
                NONE,
                Some(writes(Durability::Memory)),
                "a: ttl 60s, absences are not stored, write-behind in process: 8 partitions, durability memory",
            ),
        ];
        for (options, has, writes, text) in cases {
            assert_eq!(options.describe("a", has, writes).to_string(), text);
        }
    }

    /// Each option has another number, so that none stands for another one.
    #[test]
    fn each_option_is_described() {
        let options = ValueOptions {
            lifetime: Lifetime { fresh: secs(1), while_revalidate: secs(2), if_error: secs(3) },
            negative_ttl: Some(secs(4)),
            error_ttl: Some(secs(5)),
            load_timeout: secs(6),
            stale_after: Some(secs(7)),
            retry_after_error: secs(8),
            max_reruns: 9,
            replica_lag: Some(secs(10)),
            memory_bytes: 11,
            max_value_bytes: 12,
            schema: 13,
            ..ValueOptions::default()
        };
        let has = HasFunctions { tags: true, ..NONE };
        let described = options.describe("a", has, Some(writes(Durability::Fsync)));
        let expected = serde_json::json!({
            "name": "a", "ttl_seconds": 1.0, "stale_while_revalidate_seconds": 2.0,
            "stale_if_error_seconds": 3.0, "negative_ttl_seconds": 4.0, "error_ttl_seconds": 5.0,
            "load_timeout_seconds": 6.0, "serve_stale_after_seconds": 7.0,
            "retry_after_error_seconds": 8.0, "max_reruns": 9, "replica_lag_seconds": 10.0,
            "max_memory_bytes": 11, "max_value_bytes": 12, "schema": 13, "jitter": 0.05,
            "early_refresh": 1.0, "has_loader": false, "has_tags": true, "has_invalidations": false,
            "write_behind": {
                "is_in_process": false, "partitions": 8, "max_queued": 100, "max_queued_bytes": 1_000,
                "durability": "fsync", "max_batch": 500, "flush_timeout_seconds": 30.0,
                "max_attempts": 3,
            },
        });
        assert_eq!(serde_json::to_value(described).unwrap(), expected);
    }
}
