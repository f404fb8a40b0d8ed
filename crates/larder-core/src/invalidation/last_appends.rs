//! The last appends of an instance, by the incarnation that took them.

use std::time::Duration;

use super::position::Incarnation;
use crate::time::BootTime;

/// How long ago an instance last appended, for a log that must know what it may have missed.
///
/// See [`Cursor::appends`](super::log_page::Cursor::appends).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct LastAppends {
    /// The incarnation that took the newest append, and the time since then.
    pub newest: Option<AppendAge>,
    /// The time since the newest append that any other incarnation took.
    pub elsewhere: Option<Duration>,
}

/// An incarnation, and the time since it took an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct AppendAge {
    /// The incarnation.
    pub incarnation: Incarnation,
    /// The time since the append was answered.
    pub age: Duration,
}

impl LastAppends {
    /// Returns the time since the newest append that an incarnation other than this one took.
    ///
    /// Returns `None` if there was none. `elsewhere` may include this incarnation, so the time may
    /// be too short.
    #[must_use]
    pub fn outside(&self, incarnation: Incarnation) -> Option<Duration> {
        let newest = self.newest.filter(|newest| newest.incarnation != incarnation);
        newest.map(|newest| newest.age).into_iter().chain(self.elsewhere).min()
    }
}

/// The moments of the last appends.
#[derive(Debug, Default)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub(crate) struct AppendMoments {
    newest: Option<AppendMoment>,
    elsewhere: Option<BootTime>,
}

#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(PartialEq, Eq, Hash))]
struct AppendMoment {
    incarnation: Incarnation,
    answered: BootTime,
}

impl AppendMoments {
    /// Notes an append that this incarnation took.
    pub(crate) fn note(&mut self, incarnation: Incarnation, answered: BootTime) {
        let newest = self.newest.get_or_insert(AppendMoment { incarnation, answered });
        if newest.incarnation != incarnation {
            self.elsewhere = self.elsewhere.max(Some(newest.answered));
            *newest = AppendMoment { incarnation, answered };
        }
        newest.answered = newest.answered.max(answered);
    }

    /// Returns the moment of the newest append that an incarnation other than this one took.
    pub(crate) fn outside(&self, incarnation: Incarnation) -> Option<BootTime> {
        let newest = self.newest.filter(|newest| newest.incarnation != incarnation);
        newest.map(|newest| newest.answered).max(self.elsewhere)
    }

    /// Returns how long ago the appends were.
    pub(crate) fn until(&self, now: BootTime) -> LastAppends {
        let age = |answered: BootTime| now.saturating_since(answered);
        let newest = self
            .newest
            .map(|AppendMoment { incarnation, answered }| AppendAge { incarnation, age: age(answered) });
        LastAppends { newest, elsewhere: self.elsewhere.map(age) }
    }
}

#[cfg(feature = "model")]
impl AppendMoments {
    pub(crate) fn forget_until(&mut self, moment: BootTime) {
        self.newest = self.newest.filter(|newest| newest.answered > moment);
        self.elsewhere = self.elsewhere.filter(|answered| *answered > moment);
    }

    pub(crate) fn replace(&mut self, moment: &mut dyn FnMut(BootTime) -> BootTime) {
        if let Some(newest) = &mut self.newest {
            newest.answered = moment(newest.answered);
        }
        self.elsewhere = self.elsewhere.map(moment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> BootTime {
        BootTime::from_nanos(seconds * 1_000_000_000)
    }

    const fn seconds(number: u64) -> Option<Duration> {
        Some(Duration::from_secs(number))
    }

    const fn incarnation(number: u8) -> Incarnation {
        Incarnation::from_bytes([number; 16])
    }

    #[test]
    fn only_appends_to_other_incarnations_count() {
        let mut moments = AppendMoments::default();
        assert_eq!(moments.until(at(9)).outside(incarnation(1)), None);
        moments.note(incarnation(1), at(1));
        moments.note(incarnation(1), at(2));
        let last = moments.until(at(9));
        assert_eq!((last.outside(incarnation(1)), last.outside(incarnation(2))), (None, seconds(7)));
        moments.note(incarnation(2), at(4));
        let last = moments.until(at(9));
        assert_eq!((last.outside(incarnation(2)), last.outside(incarnation(3))), (seconds(7), seconds(5)));
        assert_eq!(moments.outside(incarnation(2)), Some(at(2)));
        assert_eq!(moments.outside(incarnation(3)), Some(at(4)));
    }

    #[test]
    fn an_append_of_the_future_is_of_now() {
        let mut moments = AppendMoments::default();
        moments.note(incarnation(1), at(5));
        assert_eq!(moments.until(at(4)).outside(incarnation(2)), seconds(0));
    }
}
