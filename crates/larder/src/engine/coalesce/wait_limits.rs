//! The limits of the time that a request waits for the fills of other requests.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The allowed limits of one fill.
pub(crate) const FILL_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(600);
/// The allowed limits after which something stale is served.
pub(crate) const STALE_AFTER: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);
/// The default number of requests that run the handler again for one key at the same time.
pub(crate) const DEFAULT_RERUNS: usize = 4;
/// The maximum of the time between two fills that fail.
pub(crate) const MAX_RETRY_AFTER_ERROR: Duration = Duration::from_secs(60);

/// Returns how long a follower waits for the fills of other requests, in total.
///
/// `fill` is the limit of one fill. The limit does not depend on how many of them fail. It is less
/// than that of a fill, because the follower may then wait for its turn to run the handler.
pub(crate) fn follower_wait(fill: Duration) -> Duration {
    fill - rerun_wait(fill)
}

/// Returns how long a request waits for its turn to run the handler after other fills failed.
pub(crate) fn rerun_wait(fill: Duration) -> Duration {
    (fill / 4).min(Duration::from_secs(1))
}
