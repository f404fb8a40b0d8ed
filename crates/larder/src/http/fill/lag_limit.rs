//! The limit on responses that may have been read from a lagging database replica.

use std::time::Duration;

use larder_core::http::freshness::Lifetime;
use larder_core::invalidation::names::Names;
use larder_core::time::BootTime;

use crate::http::fill::Fill;

/// The times between which a handler read its database, as far as the cache knows.
#[derive(Clone, Copy)]
pub(super) struct ReadTimes {
    /// The moment at which the fill began.
    pub(super) began: BootTime,
    /// The moment from which the age of the response counts.
    pub(super) received: BootTime,
}

impl Fill {
    /// Limits the lifetime of a response whose names were invalidated just before its fill.
    ///
    /// The position of the fill covers the invalidation, so the log does not refuse the response.
    /// If the handler read a replica that had not caught up, the response is older than its
    /// position says.
    pub(super) fn limit_for_replicas(
        &self,
        names: &Names,
        times: ReadTimes,
        initial_age: Duration,
        lifetime: Lifetime,
    ) -> Lifetime {
        let Some(lag) = self.layer.policy.replica_lag else { return lifetime };
        let engine = &self.layer.engine;
        let Some(end) = engine.log.read(|tail| tail.lagging_until(names, times.began, lag)) else {
            return lifetime;
        };
        // The response has its initial age when it is received.
        let rest = end.saturating_since(times.received);
        Lifetime {
            fresh: lifetime.fresh.min(initial_age.saturating_add(rest)),
            while_revalidate: Duration::ZERO,
            if_error: Duration::ZERO,
        }
    }
}
