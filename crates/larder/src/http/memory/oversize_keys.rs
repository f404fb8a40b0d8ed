//! The hit-for-miss times of keys whose bodies were too large or did not end in time.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The maximum number of keys.
///
/// One more clears the table, and every key starts again with [`MIN_TIME`].
const CAPACITY: usize = 4_096;
const MIN_TIME: Duration = Duration::from_secs(60);
const MAX_TIME: Duration = Duration::from_secs(3600);

/// The last hit-for-miss time of each key.
///
/// It is not in the slot of the key, because a hit does not need it.
#[derive(Default)]
pub(super) struct OversizeKeys {
    times: Mutex<HashMap<u64, Duration>>,
    hasher: RandomState,
}

impl OversizeKeys {
    /// Returns the hit-for-miss time of this key: twice as long as the last one.
    ///
    /// It is at least [`MIN_TIME`] and at most [`MAX_TIME`].
    pub(super) fn next(&self, key: &str, variant: u128) -> Duration {
        let id = self.id(key, variant);
        let mut times = self.times();
        if times.len() >= CAPACITY && !times.contains_key(&id) {
            times.clear();
        }
        *times.entry(id).and_modify(|time| *time = (*time * 2).min(MAX_TIME)).or_insert(MIN_TIME)
    }

    /// Returns the last hit-for-miss time of this key.
    pub(super) fn last(&self, key: &str, variant: u128) -> Duration {
        let id = self.id(key, variant);
        self.times().get(&id).copied().unwrap_or(MIN_TIME)
    }

    /// Forgets a key after its response was stored.
    pub(super) fn forget(&self, key: &str, variant: u128) {
        let id = self.id(key, variant);
        self.times().remove(&id);
    }

    /// Returns the id of a key and a variant.
    ///
    /// Two keys with the same id share a time. That is harmless: the time only decides how long
    /// requests do not wait for each other.
    fn id(&self, key: &str, variant: u128) -> u64 {
        self.hasher.hash_one((key, variant))
    }

    fn times(&self) -> MutexGuard<'_, HashMap<u64, Duration>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_keys_is_bounded() {
        let keys = OversizeKeys::default();
        for number in 0..=CAPACITY {
            assert_eq!(keys.next(&number.to_string(), 0), MIN_TIME);
        }
        assert!(keys.times().len() <= CAPACITY);
        assert_eq!(keys.next(&CAPACITY.to_string(), 0), MIN_TIME * 2);
    }
}
