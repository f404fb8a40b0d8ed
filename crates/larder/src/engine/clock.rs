//! The clocks of the operating system.

use std::time::SystemTime;

use larder_core::time::{Boot, Clock, Wall};

/// The wall clock and the boot clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Wall {
        SystemTime::now().into()
    }

    #[cfg(target_os = "linux")]
    fn boot(&self) -> Boot {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
        Boot::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Returns the time since the first call, by the clock of the standard library.
    ///
    /// It depends on the system whether this clock goes on during suspend. If the clock stops, a
    /// machine that wakes up trusts its old view of the log for up to `max_staleness`.
    #[cfg(not(target_os = "linux"))]
    fn boot(&self) -> Boot {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        let elapsed = START.get_or_init(std::time::Instant::now).elapsed();
        // Add one, so that no moment equals zero, which stands for "never".
        Boot::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_time_does_not_go_back() {
        let earlier = SystemClock.boot();
        assert!(earlier > Boot::ZERO);
        assert!(SystemClock.boot() >= earlier);
    }
}
