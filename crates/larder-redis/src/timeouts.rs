//! The time limits of commands on the invalidation log.

use std::time::Duration;

/// The time limit for a poll or an append.
///
/// Neither of them is on the path of a cached request. If a poll fails without need, the instance
/// loses its trust in all stored responses.
pub(crate) const LOG_TIMEOUT: Duration = Duration::from_millis(500);

/// How much later than requested the alarm may end before its connection counts as dead.
pub(crate) const ALARM_GRACE: Duration = Duration::from_millis(250);
