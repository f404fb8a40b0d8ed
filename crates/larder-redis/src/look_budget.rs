//! The amount that one poll of the log asks for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::log::LIMIT;

/// The maximum size of the answer to one poll.
///
/// The answer has at least one entry in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
    pub(crate) names: i64,
}

const FULL: Amount = Amount { entries: 1_000, bytes: 512 * 1024, names: 4_096 };
/// The maximum number of halvings: a poll asks for at least a 128th of [`FULL`].
const MAX_HALVINGS: u32 = 7;

/// The number of times that the amount was halved.
///
/// Concurrent updates may lose one of them. With any amount, a poll returns something.
#[derive(Debug, Default)]
pub(crate) struct LookBudget {
    halvings: AtomicU32,
}

impl LookBudget {
    /// Returns the amount to ask for now.
    pub(crate) fn amount(&self) -> Amount {
        let halvings = self.halvings.load(Ordering::Relaxed);
        let part = |full: i64| (full >> halvings).max(1);
        Amount { entries: part(FULL.entries), bytes: part(FULL.bytes), names: part(FULL.names) }
    }

    /// Records that a poll was not answered in time.
    ///
    /// The next poll asks for less. With the same amount it would fail in the same way forever.
    pub(crate) fn timed_out(&self) {
        self.change(|halvings| (halvings + 1).min(MAX_HALVINGS));
    }

    /// Records that a poll returned as much as it had asked for, and took this long.
    pub(crate) fn answered_in_full(&self, took: Duration) {
        // Twice as much will arrive in time, too.
        if took < LIMIT / 4 {
            self.change(|halvings| halvings.saturating_sub(1));
        }
    }

    fn change(&self, change: impl Fn(u32) -> u32) {
        let halvings = self.halvings.load(Ordering::Relaxed);
        self.halvings.store(change(halvings), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_time_out_a_look_asks_for_less_and_grows_again_where_answers_are_quick() {
        let budget = LookBudget::default();
        assert_eq!(budget.amount(), FULL);
        budget.timed_out();
        assert_eq!(budget.amount(), Amount { entries: 500, bytes: 256 * 1024, names: 2_048 });
        for _ in 0..20 {
            budget.timed_out();
        }
        assert_eq!(budget.amount(), Amount { entries: 7, bytes: 4_096, names: 32 });
        budget.answered_in_full(LIMIT / 4);
        assert_eq!(budget.amount().entries, 7, "it was slow");
        for _ in 0..20 {
            budget.answered_in_full(LIMIT / 5);
        }
        assert_eq!(budget.amount(), FULL);
    }
}
