//! The budget of new keys that a route may store in the shared tier.

use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::time::Boot;

/// The number of new keys in each minute, and its limit.
#[derive(Debug)]
pub(crate) struct NewKeyBudget {
    /// The limit. `None` for no limit.
    per_minute: Option<u32>,
    /// The current minute in the upper half, and the number of its new keys in the lower half.
    ///
    /// They share one number, so that both change at the same time.
    spent: AtomicU64,
}

const MINUTE: u64 = 60;

impl NewKeyBudget {
    pub(crate) const fn new(per_minute: Option<u32>) -> Self {
        Self { per_minute, spent: AtomicU64::new(0) }
    }

    /// Takes one new key from the budget. Returns `false` if the budget of this minute is spent.
    pub(crate) fn try_take(&self, now: Boot) -> bool {
        let Some(most) = self.per_minute else { return true };
        let minute = (now.saturating_since(Boot::ZERO).as_secs() / MINUTE) << 32;
        let one_more = |spent: u64| {
            let in_minute = if spent & !u64::from(u32::MAX) == minute { spent } else { minute };
            (in_minute - minute < u64::from(most)).then_some(in_minute + 1)
        };
        self.spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_minute_has_its_budget_and_no_more() {
        let start = Boot::ZERO.saturating_add(Duration::from_secs(MINUTE * 7));
        let budget = NewKeyBudget::new(Some(2));
        let spent = |seconds| budget.try_take(start.saturating_add(Duration::from_secs(seconds)));
        assert_eq!([0, 1, 2, 59].map(spent), [true, true, false, false]);
        assert_eq!([60, 60, 119].map(spent), [true, true, false]);
        assert_eq!([600, 601, 602].map(spent), [true, true, false]);
        assert!(!NewKeyBudget::new(Some(0)).try_take(start));
        assert!((0..1_000).all(|_| NewKeyBudget::new(None).try_take(start)));
        let largest = NewKeyBudget::new(Some(u32::MAX));
        assert!((0..1_000).all(|_| largest.try_take(start)));
    }
}
