//! The stored values whose fills have failed, and when those are tried again.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::time::{BootTime, WallTime};

/// The maximum number of records.
///
/// If there are more, those that are due go, or else all. The fills are then tried once more.
const CAPACITY: usize = 4_096;

/// A stored value that a fill replaces.
pub(crate) trait Replaceable {
    /// Returns what distinguishes it from values at other places.
    fn place(&self) -> impl Hash;

    /// Returns when it arrived, which distinguishes it from the values before and after it.
    fn arrived_at(&self) -> WallTime;
}

/// A record for each stored value that could not be replaced, because the fill failed.
///
/// A record is about one stored value, so a later value needs no change here.
#[derive(Default)]
pub(crate) struct FailureTable {
    records: Mutex<HashMap<u64, Record>>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Record {
    arrived_at: WallTime,
    retry_at: BootTime,
}

impl Record {
    fn retry(&self, stored: &impl Replaceable, now: BootTime) -> Retry {
        if self.arrived_at != stored.arrived_at() {
            return Retry::NoFailure;
        }
        if now < self.retry_at { Retry::NotDue } else { Retry::Due }
    }
}

/// Whether a request may run the fill that replaces a stale value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The fill has not failed since the value was stored.
    NoFailure,
    /// The fill has failed, and this request may try again. Other requests may not for a while.
    Due,
    /// The fill has failed a moment ago.
    NotDue,
}

impl FailureTable {
    /// Records that no fill replaces the value before `delay` has passed.
    pub(crate) fn record(&self, stored: &impl Replaceable, now: BootTime, delay: Duration) {
        let record = Record { arrived_at: stored.arrived_at(), retry_at: now.saturating_add(delay) };
        let (id, mut records) = (self.id(stored), self.records());
        if records.len() >= CAPACITY && !records.contains_key(&id) {
            records.retain(|_, record| now < record.retry_at);
            if records.len() >= CAPACITY {
                records.clear();
            }
        }
        records.insert(id, record);
    }

    /// Returns whether a request may replace the value.
    ///
    /// If so, no other request may before `delay` has passed.
    pub(crate) fn try_retry(&self, stored: &impl Replaceable, now: BootTime, delay: Duration) -> Retry {
        let mut records = self.records();
        let Some(record) = records.get_mut(&self.id(stored)) else { return Retry::NoFailure };
        let retry = record.retry(stored, now);
        if retry == Retry::Due {
            record.retry_at = now.saturating_add(delay);
        }
        retry
    }

    /// Returns whether a request might replace the value, and changes nothing.
    pub(crate) fn peek_retry(&self, stored: &impl Replaceable, now: BootTime) -> Retry {
        self.records().get(&self.id(stored)).map_or(Retry::NoFailure, |record| record.retry(stored, now))
    }

    /// Returns whether a fill has failed since this value was stored.
    pub(crate) fn has_failed(&self, stored: &impl Replaceable) -> bool {
        let record = self.records().get(&self.id(stored)).copied();
        record.is_some_and(|record| record.arrived_at == stored.arrived_at())
    }

    /// Returns the id of the place of a value.
    ///
    /// Two places with the same id replace each other's records, so that a fill is tried once more.
    fn id(&self, stored: &impl Replaceable) -> u64 {
        self.hasher.hash_one(stored.place())
    }

    fn records(&self) -> MutexGuard<'_, HashMap<u64, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{after, now};

    const SECOND: Duration = Duration::from_secs(1);

    /// A value at a place, and when it arrived.
    struct Stored(&'static str, u64);

    impl Replaceable for Stored {
        fn place(&self) -> impl Hash {
            self.0
        }

        fn arrived_at(&self) -> WallTime {
            WallTime::from_unix_millis(self.1)
        }
    }

    #[test]
    fn one_request_in_each_period_may_try_again() {
        let (table, a) = (FailureTable::default(), Stored("a", 0));
        assert_eq!(table.try_retry(&a, now(), SECOND), Retry::NoFailure);
        table.record(&a, now(), 3 * SECOND);
        assert!(table.has_failed(&a) && !table.has_failed(&Stored("b", 0)));
        assert_eq!(table.try_retry(&a, after(2 * SECOND), SECOND), Retry::NotDue);
        assert_eq!(table.try_retry(&a, after(3 * SECOND), SECOND), Retry::Due);
        assert_eq!(table.try_retry(&a, after(3 * SECOND), SECOND), Retry::NotDue);
        assert_eq!(table.try_retry(&a, after(4 * SECOND), SECOND), Retry::Due);
    }

    #[test]
    fn a_record_is_not_about_a_later_value() {
        let (table, a, later) = (FailureTable::default(), Stored("a", 0), Stored("a", 1));
        table.record(&a, now(), SECOND);
        assert_eq!(table.try_retry(&later, now(), SECOND), Retry::NoFailure);
        assert!(table.has_failed(&a) && !table.has_failed(&later));
    }

    #[test]
    fn the_number_of_records_is_bounded() {
        let table = FailureTable::default();
        let places: Vec<&'static str> =
            (0..=CAPACITY).map(|number| &*Box::leak(number.to_string().into_boxed_str())).collect();
        for place in &places {
            table.record(&Stored(place, 0), now(), SECOND);
        }
        assert!(table.records().len() <= CAPACITY);
        assert!(table.has_failed(&Stored(places[CAPACITY], 0)));
    }
}
