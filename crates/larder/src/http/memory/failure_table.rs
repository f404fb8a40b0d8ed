//! The stored responses whose handlers have failed, and when those are asked again.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::time::{BootTime, WallTime};

use crate::http::memory::cached_response::CachedResponse;

/// The maximum number of records.
///
/// If there are more, those that are due go, or else all. The handlers are then asked once more.
const CAPACITY: usize = 4_096;

/// A record for each stored response that could not be replaced, because the handler failed.
///
/// A record is about one stored response, so a later response needs no change here.
#[derive(Default)]
pub(crate) struct FailureTable {
    records: Mutex<HashMap<u64, Record>>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Record {
    /// When the stored response arrived, which distinguishes it from those before and after it.
    response_time: WallTime,
    retry_at: BootTime,
}

/// Whether a request may run the handler of a stale response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The handler has not failed since the response was stored.
    NoFailure,
    /// The handler has failed, and this request may try again. Other requests may not for a while.
    Due,
    /// The handler has failed a moment ago.
    NotDue,
}

impl FailureTable {
    /// Records that the handler is not to be asked for the next response before `delay` has passed.
    pub(crate) fn record(&self, cached: &CachedResponse, now: BootTime, delay: Duration) {
        let record = Record { response_time: cached.meta.response_time, retry_at: now.saturating_add(delay) };
        let (id, mut records) = (self.id(cached), self.records());
        if records.len() >= CAPACITY && !records.contains_key(&id) {
            records.retain(|_, record| now < record.retry_at);
            if records.len() >= CAPACITY {
                records.clear();
            }
        }
        records.insert(id, record);
    }

    /// Returns whether a request may run the handler.
    ///
    /// If so, no other request may before `delay` has passed.
    pub(crate) fn try_retry(&self, cached: &CachedResponse, now: BootTime, delay: Duration) -> Retry {
        let mut records = self.records();
        match records.get_mut(&self.id(cached)) {
            Some(record) if record.response_time != cached.meta.response_time => Retry::NoFailure,
            Some(record) if now < record.retry_at => Retry::NotDue,
            Some(record) => {
                record.retry_at = now.saturating_add(delay);
                Retry::Due
            }
            None => Retry::NoFailure,
        }
    }

    /// Returns whether the handler has failed since this response was stored.
    pub(crate) fn has_failed(&self, cached: &CachedResponse) -> bool {
        let record = self.records().get(&self.id(cached)).copied();
        record.is_some_and(|record| record.response_time == cached.meta.response_time)
    }

    /// Returns the id of the key and variant of a response.
    ///
    /// Two of them with the same id replace each other's records, so that a handler is asked once
    /// more.
    fn id(&self, cached: &CachedResponse) -> u64 {
        self.hasher.hash_one((&*cached.meta.key, cached.variant()))
    }

    fn records(&self) -> MutexGuard<'_, HashMap<u64, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::{after, cached, now, stored};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_request_in_each_period_may_try_again() {
        let (table, a) = (FailureTable::default(), cached("a", "1"));
        assert_eq!(table.try_retry(&a, now(), SECOND), Retry::NoFailure);
        table.record(&a, now(), 3 * SECOND);
        assert!(table.has_failed(&a) && !table.has_failed(&cached("b", "1")));
        assert_eq!(table.try_retry(&a, after(2 * SECOND), SECOND), Retry::NotDue);
        assert_eq!(table.try_retry(&a, after(3 * SECOND), SECOND), Retry::Due);
        assert_eq!(table.try_retry(&a, after(3 * SECOND), SECOND), Retry::NotDue);
        assert_eq!(table.try_retry(&a, after(4 * SECOND), SECOND), Retry::Due);
    }

    #[test]
    fn a_record_is_not_about_a_later_response() {
        let (table, a) = (FailureTable::default(), cached("a", "1"));
        table.record(&a, now(), SECOND);
        let mut later = stored("a", "2");
        later.meta.response_time = WallTime::from_unix_millis(1);
        let later = Arc::new(CachedResponse::from_fill(later, Some(now()), now()));
        assert_eq!(table.try_retry(&later, now(), SECOND), Retry::NoFailure);
        assert!(table.has_failed(&a) && !table.has_failed(&later));
    }

    #[test]
    fn the_number_of_records_is_bounded() {
        let table = FailureTable::default();
        for number in 0..=CAPACITY {
            table.record(&cached(&number.to_string(), ""), now(), SECOND);
        }
        assert!(table.records().len() <= CAPACITY);
        assert!(table.has_failed(&cached(&CAPACITY.to_string(), "")));
    }
}
