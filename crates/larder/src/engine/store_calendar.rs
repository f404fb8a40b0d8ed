//! The calendar of the shared store, in which shared responses are dated.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use larder_core::time::WallTime;

/// The difference that is tolerated, in milliseconds.
///
/// Dates are not adjusted to each small change, so that a response that is read again has the same
/// date.
const TOLERANCE: i64 = 1_000;

/// How much the calendar of the shared store is ahead of that of this process.
///
/// The instances have no other calendar in common. So a response is dated by it while it is in the
/// shared tier, and its age does not depend on the clocks of its writer and its reader. Each poll
/// of the log measures the difference.
#[derive(Debug, Default)]
pub(crate) struct StoreCalendar {
    /// In milliseconds.
    ahead: AtomicI64,
}

impl StoreCalendar {
    /// Notes the store's time, and the times at which it was asked and had answered.
    pub(crate) fn note(&self, store: WallTime, asked: WallTime, answered: WallTime) {
        // A store without a time returns zero. If our own clock went back, the next poll decides.
        if store == WallTime::default() || answered < asked {
            return;
        }
        let (least, most) = (difference(store, answered), difference(store, asked));
        let ahead = self.ahead.load(Ordering::Relaxed);
        if ahead < least.saturating_sub(TOLERANCE) || ahead > most.saturating_add(TOLERANCE) {
            self.ahead.store(least.saturating_add(most.saturating_sub(least) / 2), Ordering::Relaxed);
        }
    }

    /// Returns how much both calendars differ, as far as that is more than a second.
    pub(crate) fn difference(&self) -> Duration {
        Duration::from_millis(self.ahead.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Converts a date of ours for the shared tier.
    pub(crate) fn to_store(&self, own: WallTime) -> WallTime {
        shift(own, self.ahead.load(Ordering::Relaxed))
    }

    /// Converts a date from the shared tier to one of ours.
    pub(crate) fn to_own(&self, store: WallTime) -> WallTime {
        shift(store, self.ahead.load(Ordering::Relaxed).saturating_neg())
    }
}

fn difference(later: WallTime, earlier: WallTime) -> i64 {
    let signed = |wall: WallTime| i64::try_from(wall.unix_millis()).unwrap_or(i64::MAX);
    signed(later).saturating_sub(signed(earlier))
}

fn shift(wall: WallTime, by: i64) -> WallTime {
    WallTime::from_unix_millis(wall.unix_millis().saturating_add_signed(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> WallTime {
        WallTime::from_unix_millis(seconds * 1_000)
    }

    #[test]
    fn dates_are_converted_to_the_calendar_of_the_store_and_back() {
        for (store, expected, difference) in
            [(at(160), at(70), 60), (at(40), at(0), 60), (at(99), at(10), 0), (at(101), at(10), 0)]
        {
            let calendar = StoreCalendar::default();
            calendar.note(store, at(100), at(100));
            assert_eq!(calendar.to_store(at(10)), expected, "{store:?}");
            assert_eq!(calendar.to_own(calendar.to_store(at(1_000))), at(1_000));
            assert_eq!(calendar.difference(), Duration::from_secs(difference), "{store:?}");
        }
    }

    #[test]
    fn what_is_within_the_time_of_the_answer_is_no_difference() {
        let calendar = StoreCalendar::default();
        calendar.note(at(105), at(100), at(110));
        assert_eq!(calendar.to_store(at(10)), at(10));
        calendar.note(at(130), at(100), at(110));
        assert_eq!(calendar.to_store(at(10)), at(35));
        calendar.note(at(131), at(100), at(110));
        assert_eq!(calendar.to_store(at(10)), at(35), "it need not change");
        calendar.note(WallTime::default(), at(100), at(110));
        calendar.note(at(500), at(110), at(100));
        assert_eq!(calendar.to_store(at(10)), at(35), "neither says anything");
        calendar.note(at(100), at(100), at(100));
        assert_eq!(calendar.to_store(at(10)), at(10), "the clock was set");
    }
}
