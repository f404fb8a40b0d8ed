//! Which responses outgrew the cache.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many keys are remembered at most. One that is forgotten costs what it cost the first time.
const PLACES: usize = 64;

/// Keys of responses that did not say how long they would be, and turned out not to be for storing: too large, or without an
/// end. Where that is known, nobody follows one: those who did would have to be given the rest by a run of the handler of
/// their own, and what it makes may have another beginning each time.
#[derive(Debug)]
pub(crate) struct Outgrown {
    places: [AtomicU64; PLACES],
    hasher: RandomState,
}

impl Default for Outgrown {
    fn default() -> Self {
        Self { places: [const { AtomicU64::new(0) }; PLACES], hasher: RandomState::new() }
    }
}

impl Outgrown {
    /// Remembers a key, in place of another one if need be.
    pub(crate) fn remember(&self, key: &str) {
        let (place, hash) = self.place(key);
        place.store(hash, Ordering::Relaxed);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        let (place, hash) = self.place(key);
        place.load(Ordering::Relaxed) == hash
    }

    fn place(&self, key: &str) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(key).max(1);
        let place = usize::try_from(hash % PLACES as u64).unwrap_or_default();
        (&self.places[place], hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_remembered_until_others_take_their_place() {
        let outgrown = Outgrown::default();
        assert!(!outgrown.has("a") && !outgrown.has(""));
        outgrown.remember("a");
        assert!(outgrown.has("a") && !outgrown.has("b"));
        for number in 0..10_000 {
            let key = number.to_string();
            outgrown.remember(&key);
            assert!(outgrown.has(&key), "the last one always is");
        }
        assert!(!outgrown.has("a"), "there is an end to what is remembered");
    }
}
