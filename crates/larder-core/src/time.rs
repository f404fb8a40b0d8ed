//! The two clocks of a cache, as values that are passed in.
//!
//! Nothing in this crate reads a clock: every rule takes `now`. What is compared between machines, or written into a
//! header field, is [`Wall`] time; what decides whether this process may trust what it knows is [`Boot`] time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment of the calendar: whole milliseconds since the Unix epoch.
///
/// Used for `Date`, `Age` and `Expires`, which RFC 9111 §4.2.3 computes from clocks of different machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(u64);

impl Wall {
    /// The moment this many milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// This moment moved into the future by `by`, at most to the end of the representable range.
    #[inline]
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    #[inline]
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Wall {
    /// Moments before the epoch become the epoch.
    fn from(time: SystemTime) -> Self {
        Self(millis(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

impl From<Wall> for SystemTime {
    fn from(wall: Wall) -> Self {
        UNIX_EPOCH + Duration::from_millis(wall.0)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A moment on a clock of this process that never steps and goes on while the machine sleeps: nanoseconds since a
/// point that is fixed for the life of the process.
///
/// On Linux this is `CLOCK_BOOTTIME`. An ordinary monotonic clock stands still during suspend, and a process that
/// wakes would believe that what it knew an hour ago is still confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Boot(u64);

impl Boot {
    /// The earliest moment.
    pub const ZERO: Self = Self(0);
    /// Later than every moment that a clock gives.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment this many nanoseconds after the clock's fixed point.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's fixed point.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This moment moved into the future by `by`, at most to [`Boot::MAX`].
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        let nanos = by.as_secs().saturating_mul(1_000_000_000).saturating_add(by.subsec_nanos().into());
        Self(self.0.saturating_add(nanos))
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A source of both times.
///
/// The cache reads its clock once per request; tests pass one that is turned by hand.
pub trait Clock: Send + Sync + 'static {
    /// The calendar's time now.
    fn wall(&self) -> Wall;

    /// This process's time now.
    fn boot(&self) -> Boot;
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn wall(&self) -> Wall {
        (**self).wall()
    }

    fn boot(&self) -> Boot {
        (**self).boot()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_survives_the_way_to_the_systems_and_back() {
        let wall = Wall::from_unix_millis(1_763_856_000_123);
        assert_eq!(Wall::from(SystemTime::from(wall)), wall);
    }

    #[test]
    fn differences_never_go_below_zero_and_sums_never_wrap() {
        assert_eq!(Boot::from_nanos(5).saturating_since(Boot::from_nanos(9)), Duration::ZERO);
        assert_eq!(Boot::from_nanos(9).saturating_since(Boot::from_nanos(5)), Duration::from_nanos(4));
        assert_eq!(Boot::MAX.saturating_add(Duration::MAX), Boot::MAX);
        assert_eq!(Wall::from_unix_millis(u64::MAX).saturating_add(Duration::MAX).unix_millis(), u64::MAX);
        assert_eq!(Wall::from(UNIX_EPOCH - Duration::from_secs(1)), Wall::default());
    }
}
