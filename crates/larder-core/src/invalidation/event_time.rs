//! The moments of events.

use std::time::Duration;

use crate::time::BootTime;

/// The moment of an event on the boot clock of this process.
///
/// The log remembers events from before this process began, and from before this machine was
/// started. So the moment may lie before the zero of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EventTime(i64);

impl EventTime {
    /// A moment before every other one. It stands for a moment that is not known.
    pub(crate) const EARLIEST: Self = Self(i64::MIN);

    /// Returns the moment that was this long before `now`.
    pub(crate) fn before(now: BootTime, age: Duration) -> Self {
        let age = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        Self(Self::from(now).0.saturating_sub(age))
    }

    /// Returns the moment this much later, on the boot clock.
    ///
    /// A moment before the zero of the clock becomes that zero.
    pub(crate) fn plus(self, later: Duration) -> BootTime {
        let nanos = i128::from(self.0).saturating_add(i128::try_from(later.as_nanos()).unwrap_or(i128::MAX));
        BootTime::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }

    /// Returns the time from this moment until `now`. It is zero if the moment is not before `now`.
    pub(crate) fn elapsed(self, now: BootTime) -> Duration {
        Self::from(now).since(self)
    }

    /// Returns the time from this moment until `now`, or `None` if this moment is not known.
    pub(crate) fn elapsed_if_known(self, now: BootTime) -> Option<Duration> {
        (self != Self::EARLIEST).then(|| self.elapsed(now))
    }

    /// Returns the time from `earlier` until this moment. It is zero if `earlier` is not earlier.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let nanos = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }
}

impl From<BootTime> for EventTime {
    fn from(moment: BootTime) -> Self {
        Self(i64::try_from(moment.as_nanos()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> BootTime {
        BootTime::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn an_event_may_be_older_than_the_clock() {
        let hour = Duration::from_secs(3600);
        assert_eq!(EventTime::before(at(10), hour).elapsed(at(11)), hour + Duration::from_secs(1));
        assert_eq!(EventTime::from(at(10)).elapsed(at(11)), Duration::from_secs(1));
        assert_eq!(EventTime::from(at(10)).elapsed(at(9)), Duration::ZERO);
        assert_eq!(EventTime::before(at(1), Duration::MAX).max(EventTime::EARLIEST).elapsed(at(1)), {
            Duration::from_nanos(i64::MAX.unsigned_abs())
        });
    }
}
