//! The most frequent keys of a stream of observations, in bounded memory.
//!
//! This is the algorithm Space-Saving (Metwally, Agrawal, El Abbadi: *Efficient Computation of
//! Frequent and Top-k Elements in Data Streams*, 2005), with weights. It has a fixed number of
//! counters. A key without a counter takes over the one with the lowest count, and inherits that
//! count as its possible error.

use std::collections::HashMap;

use twox_hash::XxHash3_64;

/// The most bytes of a key that are kept. Keys are distinguished by their hash.
const MAX_TEXT: usize = 256;

/// Counts the heaviest keys.
#[derive(Debug)]
pub struct HeavyHitters {
    capacity: usize,
    /// A binary heap, the lowest count first.
    counters: Vec<Counter>,
    /// The place of each key in the heap.
    places: HashMap<u64, usize>,
}

#[derive(Debug)]
struct Counter {
    hash: u64,
    text: Box<str>,
    count: u64,
    error: u64,
}

/// A key, and how often it was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // The algorithm knows nothing else.
pub struct HeavyHitter {
    /// The key, or the first 256 bytes of it.
    pub key: String,
    /// The estimated sum of its weights. It is never too low.
    pub count: u64,
    /// How much the estimate may be too high.
    pub error: u64,
}

impl HeavyHitters {
    /// Creates a set with this many counters, and at least one.
    ///
    /// The error of a key is at most the sum of all weights, divided by the number of counters.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), counters: Vec::new(), places: HashMap::new() }
    }

    /// Adds an observation of this key.
    pub fn observe(&mut self, key: &str, weight: u64) {
        let hash = XxHash3_64::oneshot(key.as_bytes());
        let place = match self.places.get(&hash) {
            Some(place) => *place,
            None if self.counters.len() < self.capacity => return self.insert(hash, key, weight),
            None => self.take_over(hash, key),
        };
        let count = &mut self.counters[place].count;
        *count = count.saturating_add(weight);
        self.sink(place);
    }

    /// Returns the heaviest keys, at most `most` of them, the heaviest first.
    #[must_use]
    pub fn top(&self, most: usize) -> Vec<HeavyHitter> {
        let mut all: Vec<_> = self.counters.iter().collect();
        all.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.text.cmp(&other.text)));
        let hitter =
            |one: &Counter| HeavyHitter { key: one.text.to_string(), count: one.count, error: one.error };
        all.into_iter().take(most).map(hitter).collect()
    }

    fn insert(&mut self, hash: u64, key: &str, weight: u64) {
        self.places.insert(hash, self.counters.len());
        self.counters.push(Counter { hash, text: prefix(key).into(), count: weight, error: 0 });
        self.rise(self.counters.len() - 1);
    }

    /// Gives the counter with the lowest count to another key. Returns its place.
    fn take_over(&mut self, hash: u64, key: &str) -> usize {
        let lowest = &mut self.counters[0];
        self.places.remove(&lowest.hash);
        self.places.insert(hash, 0);
        (lowest.hash, lowest.text, lowest.error) = (hash, prefix(key).into(), lowest.count);
        0
    }

    /// Moves a counter towards the root until no lower count is below it.
    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.counters[parent].count <= self.counters[place].count {
                return;
            }
            self.swap(place, parent);
            place = parent;
        }
    }

    /// Moves a counter away from the root until no lower count is below it.
    fn sink(&mut self, mut place: usize) {
        loop {
            let children = 2 * place + 1..(2 * place + 3).min(self.counters.len());
            let Some(lowest) = children.min_by_key(|child| self.counters[*child].count) else { return };
            if self.counters[place].count <= self.counters[lowest].count {
                return;
            }
            self.swap(place, lowest);
            place = lowest;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.counters.swap(one, other);
        for place in [one, other] {
            self.places.insert(self.counters[place].hash, place);
        }
    }
}

/// Returns the beginning of a key.
fn prefix(key: &str) -> &str {
    let end = (0..=MAX_TEXT.min(key.len())).rev().find(|end| key.is_char_boundary(*end));
    &key[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_heaviest_keys_come_first() {
        let mut all = HeavyHitters::new(3);
        for (key, weight) in [("a", 5), ("b", 7), ("c", 1), ("a", 4)] {
            all.observe(key, weight);
        }
        let top: Vec<_> = all.top(2).into_iter().map(|one| (one.key, one.count, one.error)).collect();
        assert_eq!(top, [("a".to_owned(), 9, 0), ("b".to_owned(), 7, 0)]);
        // It takes over the counter of `c`.
        all.observe("d", 2);
        let d = all.top(3).pop().unwrap();
        assert_eq!((&*d.key, d.count, d.error), ("d", 3, 1));
    }

    #[test]
    fn long_keys_are_told_apart_and_kept_in_part() {
        let mut all = HeavyHitters::new(8);
        let long = format!("{}é", "x".repeat(MAX_TEXT - 1));
        all.observe(&long, 1);
        all.observe(&format!("{long}y"), 2);
        let top = all.top(8);
        assert_eq!(top.iter().map(|one| one.count).collect::<Vec<_>>(), [2, 1]);
        assert!(top.iter().all(|one| one.key == "x".repeat(MAX_TEXT - 1)));
    }

    proptest! {
        /// Metwally et al., Theorems 1 and 2.
        #[test]
        fn an_estimate_is_never_too_low_and_its_error_is_bounded(
            observed in prop::collection::vec((0_u8..40, 1_u64..100), 0..400),
            capacity in 1_usize..20,
        ) {
            let (mut all, mut exact) = (HeavyHitters::new(capacity), HashMap::<String, u64>::new());
            for (key, weight) in &observed {
                all.observe(&key.to_string(), *weight);
                *exact.entry(key.to_string()).or_default() += weight;
            }
            let bound = exact.values().sum::<u64>() / capacity as u64;
            let top = all.top(usize::MAX);
            prop_assert!(top.len() <= capacity);
            prop_assert!(top.windows(2).all(|pair| pair[0].count >= pair[1].count));
            for one in &top {
                prop_assert!(one.error <= bound);
                prop_assert!(one.count >= exact[&one.key] && one.count - one.error <= exact[&one.key]);
            }
            let has = |key: &String| top.iter().any(|one| one.key == *key);
            prop_assert!(exact.iter().all(|(key, count)| *count <= bound || has(key)));
        }
    }
}
