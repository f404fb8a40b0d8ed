//! The two clocks of a cache, as values that are passed in.
//!
//! Nothing in this crate reads a clock: every rule takes `now`. [`WallTime`] is for values that are
//! compared between machines or written into header fields. [`BootTime`] decides whether this
//! process may trust what it knows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The difference between two clocks from which on it is reported: 2 s.
///
/// Smaller ones are common, and change lifetimes little.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);

/// A calendar time in whole milliseconds since the Unix epoch.
///
/// It is used for `Date`, `Age` and `Expires`, which RFC 9111 §4.2.3 computes from the clocks of
/// different machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(u64);

impl WallTime {
    /// Creates the time this many milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// Returns this time plus `by`, or the latest representable time on overflow.
    #[inline]
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// Returns the duration since `earlier`, or zero if this time is not after it.
    #[inline]
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for WallTime {
    /// Converts a system time. Times before the epoch become the epoch.
    fn from(time: SystemTime) -> Self {
        Self(millis(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

impl From<WallTime> for SystemTime {
    fn from(wall: WallTime) -> Self {
        UNIX_EPOCH + Duration::from_millis(wall.0)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A moment on a clock of this process that never steps and continues during suspend.
///
/// It counts nanoseconds since a point that is fixed for the life of the process.
///
/// On Linux this is `CLOCK_BOOTTIME`. An ordinary monotonic clock stops during suspend. A process
/// that wakes up would then believe that its knowledge from an hour ago is still confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BootTime(u64);

impl BootTime {
    /// The earliest moment.
    pub const ZERO: Self = Self(0);
    /// A moment that is later than every moment a clock returns.
    pub const MAX: Self = Self(u64::MAX);

    /// Creates the moment this many nanoseconds after the clock's fixed point.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the clock's fixed point.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns this moment plus `by`, or [`BootTime::MAX`] on overflow.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        let nanos = by.as_secs().saturating_mul(1_000_000_000).saturating_add(by.subsec_nanos().into());
        Self(self.0.saturating_add(nanos))
    }

    /// Returns the duration since `earlier`, or zero if this moment is not after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A source of both times.
///
/// The cache reads its clock once per request. Tests pass a clock that is set by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a clock of a cache",
    label = "not a clock",
    note = "`larder_testing::ManualClock` is one, for tests"
)]
pub trait Clock: Send + Sync + 'static {
    /// Returns the current calendar time.
    fn wall(&self) -> WallTime;

    /// Returns the current moment of this process's clock.
    fn boot(&self) -> BootTime;

    /// Returns whether the clock is moved by hand. Default: `false`.
    ///
    /// Such a clock is not compared with the clock of a shared store, which goes on by itself.
    fn is_manual(&self) -> bool {
        false
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn wall(&self) -> WallTime {
        (**self).wall()
    }

    fn boot(&self) -> BootTime {
        (**self).boot()
    }

    fn is_manual(&self) -> bool {
        (**self).is_manual()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_survives_the_way_to_the_systems_and_back() {
        let wall = WallTime::from_unix_millis(1_763_856_000_123);
        assert_eq!(WallTime::from(SystemTime::from(wall)), wall);
    }

    #[test]
    fn differences_never_go_below_zero_and_sums_never_wrap() {
        assert_eq!(BootTime::from_nanos(5).saturating_since(BootTime::from_nanos(9)), Duration::ZERO);
        assert_eq!(
            BootTime::from_nanos(9).saturating_since(BootTime::from_nanos(5)),
            Duration::from_nanos(4)
        );
        assert_eq!(BootTime::MAX.saturating_add(Duration::MAX), BootTime::MAX);
        assert_eq!(
            WallTime::from_unix_millis(u64::MAX).saturating_add(Duration::MAX).unix_millis(),
            u64::MAX
        );
        assert_eq!(WallTime::from(UNIX_EPOCH - Duration::from_secs(1)), WallTime::default());
    }
}
