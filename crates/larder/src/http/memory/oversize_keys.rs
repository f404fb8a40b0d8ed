//! Keys whose bodies were too large or did not end: how long requests do not wait for them the next time.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One more key than this has all of them start again with the shortest time.
const CAPACITY: usize = 4_096;
const MIN_TIME: Duration = Duration::from_secs(60);
const MAX_TIME: Duration = Duration::from_secs(3600);

/// The last time of each key. It is of no interest to a hit, and therefore not in its slot.
#[derive(Default)]
pub(super) struct OversizeKeys {
    times: Mutex<HashMap<u64, Duration>>,
    hasher: RandomState,
}

impl OversizeKeys {
    /// How long requests do not wait for this key now: twice as long as the last time.
    pub(super) fn next(&self, key: &str, variant: u128) -> Duration {
        let id = self.id(key, variant);
        let mut times = self.times();
        if times.len() >= CAPACITY && !times.contains_key(&id) {
            times.clear();
        }
        *times.entry(id).and_modify(|time| *time = (*time * 2).min(MAX_TIME)).or_insert(MIN_TIME)
    }

    /// Forgets a key, as its response was stored.
    pub(super) fn forget(&self, key: &str, variant: u128) {
        let id = self.id(key, variant);
        self.times().remove(&id);
    }

    /// Two keys that share an id share a time, which is one of waiting alone.
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
        let passes = OversizeKeys::default();
        for number in 0..=CAPACITY {
            assert_eq!(passes.next(&number.to_string(), 0), MIN_TIME);
        }
        assert!(passes.times().len() <= CAPACITY);
        assert_eq!(passes.next(&CAPACITY.to_string(), 0), MIN_TIME * 2);
    }
}
