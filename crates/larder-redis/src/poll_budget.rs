//! The amount of data that one poll of the log asks for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::log_page::PageSize;

use crate::timeouts::LOG_TIMEOUT;

/// The maximum size of the answer to one poll.
///
/// The server does nothing else while it prepares an answer, so an answer takes it about a
/// millisecond. A name costs as much as an entry, unless it is [packed](crate::stream_entry). If
/// there are new entries, the answer contains at least one, even if it exceeds this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PollAmount {
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
    pub(crate) names: i64,
}

/// Makes the script return no entries.
pub(crate) const NO_ENTRIES: PollAmount = PollAmount { entries: 0, bytes: 0, names: 0 };

const FULL: PollAmount = PollAmount { entries: 512, bytes: 128 * 1024, names: 1_024 };
/// The same for a poll that reads entries natively, which takes the server a fifth of the time.
const FULL_NATIVE: PollAmount = PollAmount { entries: 1_024, bytes: 128 * 1024, names: 2_048 };
/// The minimum number of entries to read natively. The script takes no longer for fewer of them.
const MIN_NATIVE: i64 = 32;
/// How many times as many entries as the last poll returned a native one may read.
const MAX_GROWTH: i64 = 4;

/// The maximum number of halvings: a poll asks for at least a 128th of [`FULL`].
const MAX_HALVINGS: u32 = 7;

/// The number of times that the amount was halved.
///
/// Of two concurrent updates, one may be lost. This does no harm, because a poll makes progress
/// with any amount.
#[derive(Debug, Default)]
pub(crate) struct PollBudget {
    halvings: AtomicU32,
    /// The size of the last page.
    last: Mutex<PageSize>,
}

impl PollBudget {
    /// Returns the amount to ask for now.
    pub(crate) fn amount(&self) -> PollAmount {
        self.part_of(FULL)
    }

    /// Returns the number of entries to read natively, if the next page is probably a large one.
    ///
    /// `XRANGE` has no limit but this number. It fits the average size of an entry in the last
    /// page. If entries grow, a page can exceed the limits, and the next one has fewer entries.
    pub(crate) fn native_count(&self) -> Option<i64> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.entries < MIN_NATIVE {
            return None;
        }
        let most = self.part_of(FULL_NATIVE);
        let fitting = |limit: i64, used: i64| limit.saturating_mul(last.entries) / used.max(1);
        let count = most
            .entries
            .min(fitting(most.bytes, last.bytes))
            .min(fitting(most.names, last.names))
            .min(last.entries.saturating_mul(MAX_GROWTH));
        (count >= MIN_NATIVE).then_some(count)
    }

    /// Records the size of a page.
    pub(crate) fn read(&self, size: PageSize) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = size;
    }

    fn part_of(&self, full: PollAmount) -> PollAmount {
        let halvings = self.halvings.load(Ordering::Relaxed);
        let part = |full: i64| (full >> halvings).max(1);
        PollAmount { entries: part(full.entries), bytes: part(full.bytes), names: part(full.names) }
    }

    /// Records that a poll was not answered in time.
    ///
    /// The next poll asks for less. With the same amount, every poll could time out.
    pub(crate) fn timed_out(&self) {
        self.update(|halvings| (halvings + 1).min(MAX_HALVINGS));
    }

    /// Records that a poll returned the whole amount that it asked for, and took this long.
    pub(crate) fn answered_in_full(&self, took: Duration) {
        // At this speed, twice the amount also arrives in time.
        if took < LOG_TIMEOUT / 4 {
            self.update(|halvings| halvings.saturating_sub(1));
        }
    }

    fn update(&self, change: impl Fn(u32) -> u32) {
        let halvings = self.halvings.load(Ordering::Relaxed);
        self.halvings.store(change(halvings), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_entries_are_read_natively_as_fit_in_all_limits() {
        let budget = PollBudget::default();
        let count = |entries, bytes, names| {
            budget.read(PageSize { entries, bytes, names });
            budget.native_count()
        };
        assert_eq!(budget.native_count(), None, "nothing is known");
        assert_eq!(count(31, 31 * 50, 31), None, "the last page was small");
        assert_eq!(count(32, 32 * 50, 32), Some(128), "it grows step by step");
        assert_eq!(count(512, 512 * 50, 512), Some(1_024));
        assert_eq!(count(512, 512 * 1_024, 512), Some(128), "bytes");
        assert_eq!(count(64, 64 * 64, 64 * 32), Some(64), "names");
        assert_eq!(count(64, 64 * 64 * 1_024, 64), None, "the script counts bytes exactly");
        budget.timed_out();
        assert_eq!(count(512, 512 * 50, 512), Some(512), "half of it");
    }

    #[test]
    fn after_a_time_out_a_look_asks_for_less_and_grows_again_where_answers_are_quick() {
        let budget = PollBudget::default();
        assert_eq!(budget.amount(), FULL);
        budget.timed_out();
        assert_eq!(budget.amount(), PollAmount { entries: 256, bytes: 64 * 1024, names: 512 });
        for _ in 0..20 {
            budget.timed_out();
        }
        assert_eq!(budget.amount(), PollAmount { entries: 4, bytes: 1_024, names: 8 });
        budget.answered_in_full(LOG_TIMEOUT / 4);
        assert_eq!(budget.amount().entries, 4, "it was slow");
        for _ in 0..20 {
            budget.answered_in_full(LOG_TIMEOUT / 5);
        }
        assert_eq!(budget.amount(), FULL);
    }
}
