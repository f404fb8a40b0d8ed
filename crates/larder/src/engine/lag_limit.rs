//! The limit on results that may have been read from a lagging database replica.

use std::ops::RangeInclusive;
use std::time::Duration;

use larder_core::invalidation::names::Names;
use larder_core::lifetime::Lifetime;
use larder_core::time::BootTime;

use crate::engine::invalidation_log::view::LogView;

/// The allowed bounds on the lag of replicas.
const REPLICA_LAG: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);

/// Checks a bound on the lag of replicas.
///
/// # Errors
/// If it is out of range, with the text for the user.
pub(crate) fn checked_lag(lag: Duration) -> Result<Duration, String> {
    match REPLICA_LAG.contains(&lag) {
        true => Ok(lag),
        false => Err(format!("a replica_lag of {lag:?} is not between 1 ms and 1 hour")),
    }
}

/// The times between which a fill read the database, as far as the cache knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadTimes {
    /// The moment at which the fill began.
    pub(crate) began: BootTime,
    /// The moment from which the age of the result counts.
    pub(crate) received: BootTime,
    /// The age of the result at that moment.
    pub(crate) initial_age: Duration,
}

/// Limits the lifetime of a result whose names were invalidated just before its fill.
///
/// The position of the fill covers the invalidation, so the log does not refuse the result. If the
/// fill read a replica that had not caught up, the result is older than its position says.
pub(crate) fn limit_for_replicas(
    log: &LogView,
    lag: Option<Duration>,
    names: &Names,
    times: ReadTimes,
    lifetime: Lifetime,
) -> Lifetime {
    let end = lag.and_then(|lag| log.read(|tail| tail.lagging_until(names, times.began, lag)));
    let Some(end) = end else { return lifetime };
    let rest = end.saturating_since(times.received);
    Lifetime {
        fresh: lifetime.fresh.min(times.initial_age.saturating_add(rest)),
        while_revalidate: Duration::ZERO,
        if_error: Duration::ZERO,
    }
}
