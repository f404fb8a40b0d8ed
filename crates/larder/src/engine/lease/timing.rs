//! The lifetimes of leases and of their results.

use std::time::Duration;

/// How long a lease lasts unless it is extended.
///
/// Other instances wait this long for an instance that was killed. An instance that is held up for
/// less than this does not lose its lease.
pub(crate) const LEASE_TTL: Duration = Duration::from_secs(1);

/// The time between two extensions. Two of them may fail before the lease is lost.
pub(crate) const EXTEND_INTERVAL: Duration = Duration::from_millis(333);

/// How long the result of a fill is kept for the instances that wait for it.
///
/// They claim the lease every few milliseconds, and find the result then.
pub(crate) const RESULT_TTL: Duration = Duration::from_secs(1);
