//! How recently the log was read, and what may be used for that long (rules 10 and 13).

use std::time::Duration;

use crate::time::BootTime;

/// Returns whether a response in memory may be used now (rule 10).
///
/// `filled_at` is when its fill began. It is `None` if the response came from the shared tier.
#[inline]
#[must_use]
pub fn is_usable(
    filled_at: Option<BootTime>,
    confirmed_at: Option<BootTime>,
    max_staleness: Duration,
    now: BootTime,
) -> bool {
    let is_recent = |known: BootTime| known.saturating_add(max_staleness) >= now;
    // The log is confirmed almost always, so the other moment is rarely needed.
    confirmed_at.is_some_and(is_recent) || filled_at.is_some_and(is_recent)
}

/// Returns whether a request that comes now may wait for a flight that began then (rule 13).
///
/// The outcome of the flight must still be [checked](super::Tail::check) when the flight ends, if
/// its position differs from that of the request.
#[must_use]
pub fn may_join(
    flight_began: BootTime,
    confirmed_at: Option<BootTime>,
    max_staleness: Duration,
    now: BootTime,
) -> bool {
    is_usable(Some(flight_began), confirmed_at, max_staleness, now)
}
