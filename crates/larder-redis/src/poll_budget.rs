//! The amount of data that one poll of the log asks for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

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

const FULL: PollAmount = PollAmount { entries: 512, bytes: 128 * 1024, names: 1_024 };
/// The maximum number of halvings: a poll asks for at least a 128th of [`FULL`].
const MAX_HALVINGS: u32 = 7;

/// The number of times that the amount was halved.
///
/// Of two concurrent updates, one may be lost. This does no harm, because a poll makes progress
/// with any amount.
#[derive(Debug, Default)]
pub(crate) struct PollBudget {
    halvings: AtomicU32,
}

impl PollBudget {
    /// Returns the amount to ask for now.
    pub(crate) fn amount(&self) -> PollAmount {
        let halvings = self.halvings.load(Ordering::Relaxed);
        let part = |full: i64| (full >> halvings).max(1);
        PollAmount { entries: part(FULL.entries), bytes: part(FULL.bytes), names: part(FULL.names) }
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
