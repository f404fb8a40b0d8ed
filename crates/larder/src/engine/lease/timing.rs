//! The times of leases.

use std::time::Duration;

/// So long others wait for a process that was killed; and so long may one be held up and still not lose its lease.
pub(crate) const LEASE_TTL: Duration = Duration::from_secs(1);

/// Two extensions may fail before a lease is lost.
pub(crate) const EXTEND_INTERVAL: Duration = Duration::from_millis(333);

/// A word is there for those who wait. They ask for it every few milliseconds.
pub(crate) const RESULT_TTL: Duration = Duration::from_secs(1);
