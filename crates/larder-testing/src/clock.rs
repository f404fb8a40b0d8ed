//! A clock that is moved by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_core::time::{BootTime, Clock, WallTime};

use crate::lock::lock;

/// 2026-01-01T00:00:00Z.
const WALL_AT_START: Duration = Duration::from_secs(1_767_225_600);

/// Thirty days: subtracting any lifetime gives a moment that this clock can represent.
const BOOT_AT_START: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A clock that stands still until it is moved.
///
/// Clones share one time. The clock starts at 2026-01-01T00:00:00Z, in a process that has run for
/// thirty days. It does not move tokio's timers. If a test needs both, pause and advance the timers
/// with `tokio::time`.
#[derive(Debug, Clone)]
pub struct ManualClock {
    times: Arc<Mutex<Times>>,
}

#[derive(Debug)]
struct Times {
    wall: Duration,
    boot: Duration,
}

impl ManualClock {
    /// Creates a clock at its fixed start.
    #[must_use]
    pub fn new() -> Self {
        let times = Times { wall: WALL_AT_START, boot: BOOT_AT_START };
        Self { times: Arc::new(Mutex::new(times)) }
    }

    /// Moves both times forward, as time does when it passes.
    pub fn advance(&self, by: Duration) {
        let mut times = lock(&self.times);
        times.wall = times.wall.saturating_add(by);
        times.boot = times.boot.saturating_add(by);
    }

    /// Moves only this process's time forward, as if the calendar had been set back meanwhile.
    pub fn advance_boot(&self, by: Duration) {
        let mut times = lock(&self.times);
        times.boot = times.boot.saturating_add(by);
    }

    /// Sets only the calendar's time, also backwards, as an administrator or NTP does.
    pub fn set_wall(&self, wall: WallTime) {
        lock(&self.times).wall = Duration::from_millis(wall.unix_millis());
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> WallTime {
        let millis = lock(&self.times).wall.as_millis();
        WallTime::from_unix_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    fn boot(&self) -> BootTime {
        BootTime::ZERO.saturating_add(lock(&self.times).boot)
    }

    fn is_manual(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_time_which_stands_still_until_moved() {
        let clock = ManualClock::new();
        let (wall, boot) = (clock.wall(), clock.boot());
        assert_eq!((clock.wall(), clock.boot()), (wall, boot));

        clock.clone().advance(Duration::from_secs(7));
        assert_eq!(clock.wall().saturating_since(wall), Duration::from_secs(7));
        assert_eq!(clock.boot().saturating_since(boot), Duration::from_secs(7));
    }

    #[test]
    fn the_two_times_can_be_moved_apart() {
        let clock = ManualClock::new();
        let (wall, boot) = (clock.wall(), clock.boot());

        clock.advance_boot(Duration::from_secs(3));
        assert_eq!(clock.wall(), wall);
        assert_eq!(clock.boot().saturating_since(boot), Duration::from_secs(3));

        clock.set_wall(WallTime::from_unix_millis(5));
        assert_eq!(clock.wall(), WallTime::from_unix_millis(5));
        assert_eq!(clock.boot().saturating_since(boot), Duration::from_secs(3));
    }

    #[test]
    fn steps_shorter_than_a_millisecond_add_up() {
        let clock = ManualClock::new();
        let wall = clock.wall();
        for _ in 0..4 {
            clock.advance(Duration::from_micros(250));
        }
        assert_eq!(clock.wall().saturating_since(wall), Duration::from_millis(1));
    }

    #[test]
    fn no_step_is_too_long() {
        let clock = ManualClock::new();
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.boot(), BootTime::MAX);
        assert_eq!(clock.wall(), WallTime::from_unix_millis(u64::MAX));
    }
}
