//! The keys of the values that the memory tier evicted lately.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::outcome::MissReason;
use larder_core::time::BootTime;

/// The maximum number of keys. They take half a megabyte.
const MAX_KEYS: u64 = 1 << 16;
/// The minimum number of keys.
const MIN_KEYS: u64 = 1 << 12;
/// There is room for one key for each of so many bytes of the memory tier.
const BYTES_PER_KEY: u64 = 1024;
/// The number of places that a key may have. They fill one cache line.
const PLACES: usize = 8;

/// The keys of the values that the memory tier evicted lately, as fingerprints.
///
/// An eviction writes to this table, and a miss reads it. A hit does neither. If all places of a
/// key are taken, the key is forgotten whose value would be of no use first. One in five hundred
/// million keys that were never stored has the fingerprint of another key by chance.
pub(crate) struct EvictedKeys {
    /// A fingerprint in the upper half, and in the lower one the second from which the value would
    /// have been of no use. Zero is an empty place.
    ///
    /// The table is made for the first eviction. Most caches have room for everything.
    places: OnceLock<Box<[AtomicU64]>>,
    capacity: usize,
    hasher: RandomState,
}

impl EvictedKeys {
    /// Creates an empty table for a memory tier of this many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let keys = (bytes / BYTES_PER_KEY).clamp(MIN_KEYS, MAX_KEYS);
        let capacity = usize::try_from(keys).unwrap_or_default().next_power_of_two();
        Self { places: OnceLock::new(), capacity, hasher: RandomState::new() }
    }

    /// Remembers the key of a value that was evicted. Without the eviction, it would have been of
    /// use until `useful_until`.
    pub(crate) fn insert(&self, key: &impl Hash, useful_until: BootTime) {
        let new_table = || std::iter::repeat_with(AtomicU64::default).take(self.capacity).collect();
        let (places, fingerprint) = self.places_of(self.places.get_or_init(new_table), key);
        let priority = |place: &&AtomicU64| match place.load(Ordering::Relaxed) {
            known if is_same(known, fingerprint) => 0,
            known => known & SECONDS,
        };
        // The search begins anywhere. So of keys with the same priority, any one is forgotten.
        let (first, second) = places.split_at(index_of(fingerprint >> 32, PLACES));
        if let Some(place) = second.iter().chain(first).min_by_key(priority) {
            place.store(fingerprint | seconds(useful_until), Ordering::Relaxed);
        }
    }

    /// Forgets a key, whose value is stored again.
    pub(crate) fn remove(&self, key: &impl Hash) {
        if let Some((place, known)) = self.find(key) {
            // Another key may have taken the place meanwhile, which then stays.
            let _ = place.compare_exchange(known, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Returns the reason of a miss for a key whose value is not in memory.
    ///
    /// A value that would have been of no use any more is a miss for that reason: more memory would
    /// have made no difference. The clock is read only for a key that was evicted.
    #[cold]
    pub(crate) fn miss_reason(&self, key: &impl Hash, now: impl FnOnce() -> BootTime) -> MissReason {
        match self.find(key) {
            Some((_, known)) if now().as_nanos() / NANOS < known & SECONDS => MissReason::Evicted,
            Some(_) => MissReason::Expired,
            None => MissReason::NeverStored,
        }
    }

    /// Returns the place that has a key, and its content.
    fn find(&self, key: &impl Hash) -> Option<(&AtomicU64, u64)> {
        let (places, fingerprint) = self.places_of(self.places.get()?, key);
        let contents = places.iter().map(|place| (place, place.load(Ordering::Relaxed)));
        contents.into_iter().find(|(_, known)| is_same(*known, fingerprint))
    }

    /// Returns the places that a key may have, and its fingerprint in the upper half of a number.
    fn places_of<'a>(&self, table: &'a [AtomicU64], key: &impl Hash) -> (&'a [AtomicU64], u64) {
        let hash = self.hasher.hash_one(key);
        let first = index_of(hash, table.len() / PLACES) * PLACES;
        // Never zero, so that no key looks like an empty place.
        (&table[first..first + PLACES], (hash & !SECONDS).max(1 << 32))
    }
}

/// Returns the index for a hash below `len`, which is a power of two.
fn index_of(hash: u64, len: usize) -> usize {
    usize::try_from(hash & SECONDS).unwrap_or_default() & (len - 1)
}

const NANOS: u64 = 1_000_000_000;
/// The bits of the seconds in a place.
const SECONDS: u64 = u32::MAX as u64;

const fn is_same(place: u64, fingerprint: u64) -> bool {
    place & !SECONDS == fingerprint
}

/// Returns a moment in whole seconds, rounded up.
fn seconds(moment: BootTime) -> u64 {
    moment.as_nanos().div_ceil(NANOS).min(SECONDS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{after, now};

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_key_is_remembered_until_its_value_would_be_of_no_use() {
        let keys = EvictedKeys::new(1 << 20);
        assert_eq!(keys.miss_reason(&"a", now), MissReason::NeverStored);
        keys.insert(&"a", after(MINUTE));
        assert_eq!(keys.miss_reason(&"a", now), MissReason::Evicted);
        assert_eq!(keys.miss_reason(&"b", now), MissReason::NeverStored);
        assert_eq!(keys.miss_reason(&"a", || after(MINUTE)), MissReason::Expired);
    }

    #[test]
    fn a_key_whose_value_is_stored_again_is_forgotten_and_no_other() {
        let keys = EvictedKeys::new(1 << 20);
        keys.remove(&"a");
        for key in ["a", "b"] {
            keys.insert(&key, after(MINUTE));
        }
        keys.remove(&"a");
        assert_eq!(keys.miss_reason(&"a", now), MissReason::NeverStored);
        assert_eq!(keys.miss_reason(&"b", now), MissReason::Evicted);
    }

    #[test]
    fn the_table_is_bounded_and_knows_the_newest_key() {
        for (bytes, capacity) in [(0, 1 << 12), (1 << 24, 1 << 14), (u64::MAX, 1 << 16)] {
            assert_eq!(EvictedKeys::new(bytes).capacity, capacity);
        }
        let keys = EvictedKeys::new(0);
        let is_known = |number: &u32| keys.miss_reason(number, now) == MissReason::Evicted;
        for number in 0..100_000 {
            keys.insert(&number, after(MINUTE));
            assert!(is_known(&number));
        }
        assert_eq!(keys.places.get().map(|places| places.len()), Some(1 << 12));
        let known = (0..100_000).filter(is_known).count();
        assert!((4_000..=4_100).contains(&known), "{known}");
    }

    /// A crawler's keys do not displace those whose values would still be of use.
    #[test]
    fn the_key_that_is_forgotten_is_the_one_that_matters_least() {
        let keys = EvictedKeys::new(0);
        for number in 0..100 {
            keys.insert(&number, after(2 * MINUTE));
        }
        for number in 100..100_000 {
            keys.insert(&number, after(MINUTE));
        }
        let is_known = |number: &u32| keys.miss_reason(number, now) == MissReason::Evicted;
        assert!((0..100).all(|number| is_known(&number)));
    }

    #[test]
    fn a_moment_far_away_is_the_latest_that_fits() {
        let keys = EvictedKeys::new(0);
        keys.insert(&"a", BootTime::ZERO.saturating_add(Duration::MAX));
        assert_eq!(keys.miss_reason(&"a", now), MissReason::Evicted);
    }
}
