//! The counters of fresh hits, which are the only counters on the path of a hit.

use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::outcome::Tier;
use thread_local::ThreadLocal;

/// One in this many requests of a kind is a sample, whose time is recorded.
pub(in crate::engine::report) const SAMPLED: u64 = 64;

/// The number of a request among those of its kind. The first one has the number 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestNumber(pub(super) u64);

impl RequestNumber {
    /// Returns the number of requests that this one is a sample of, or `None` if it is no sample.
    #[inline]
    pub(crate) const fn weight(self) -> Option<u64> {
        // One comparison for a request that is no sample.
        if self.0 % SAMPLED != 0 {
            return None;
        }
        Some(if self.0 == 0 { 1 } else { SAMPLED })
    }
}

/// The counters of fresh hits, one set for each thread.
///
/// With one counter for all threads, its cache line would move from core to core with each hit.
#[derive(Default)]
pub(in crate::engine::report) struct Hits(ThreadLocal<Counters>);

#[derive(Default)]
struct Counters {
    tiers: [AtomicU64; 2],
    saved_nanos: AtomicU64,
    bytes: AtomicU64,
}

impl Hits {
    pub(super) fn count(&self, tier: Tier) -> RequestNumber {
        RequestNumber(add(&self.counters().tiers[tier as usize], 1))
    }

    /// Counts a hit with the handler time that it saved, and the bytes that it served.
    #[inline]
    pub(super) fn count_with_savings(&self, tier: Tier, nanos: u64, bytes: u64) -> RequestNumber {
        let counters = self.counters();
        let number = add(&counters.tiers[tier as usize], 1);
        add(&counters.saved_nanos, nanos);
        add(&counters.bytes, bytes);
        RequestNumber(number)
    }

    /// Adds the handler time and the bytes of a response that was served from the cache.
    pub(super) fn add_saved(&self, nanos: u64, bytes: u64) {
        let counters = self.counters();
        add(&counters.saved_nanos, nanos);
        add(&counters.bytes, bytes);
    }

    #[inline]
    fn counters(&self) -> &Counters {
        self.0.get().unwrap_or_else(|| self.new_counters())
    }

    /// Creates the counters of this thread. This is kept out of the code of a hit.
    #[cold]
    #[inline(never)]
    fn new_counters(&self) -> &Counters {
        self.0.get_or_default()
    }

    /// Returns the number of hits in this tier.
    pub(super) fn total(&self, tier: Tier) -> u64 {
        self.sum(|counters| &counters.tiers[tier as usize])
    }

    /// Returns the handler time that was saved, in nanoseconds.
    pub(super) fn saved_nanos(&self) -> u64 {
        self.sum(|counters| &counters.saved_nanos)
    }

    /// Returns the number of bytes that were served.
    pub(super) fn bytes(&self) -> u64 {
        self.sum(|counters| &counters.bytes)
    }

    fn sum(&self, of: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        self.0.iter().map(|counters| of(counters).load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

/// Adds to a counter. Returns its value before that.
///
/// Only the thread of the counter writes it, so no count is lost between the load and the store.
#[inline]
fn add(counter: &AtomicU64, by: u64) -> u64 {
    let before = counter.load(Ordering::Relaxed);
    counter.store(before.wrapping_add(by), Ordering::Relaxed);
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_all_threads_add_up() {
        let hits = Hits::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        hits.count_with_savings(Tier::Memory, 1, 10);
                        hits.add_saved(2, 1);
                    }
                    hits.count(Tier::Shared);
                });
            }
        });
        assert_eq!((hits.total(Tier::Memory), hits.total(Tier::Shared)), (4000, 4));
        assert_eq!((hits.saved_nanos(), hits.bytes()), (12_000, 44_000));
    }

    #[test]
    fn the_samples_stand_for_all_hits_of_their_tier() {
        let hits = Hits::default();
        let weights: Vec<_> = (0..=2 * SAMPLED).filter_map(|_| hits.count(Tier::Memory).weight()).collect();
        assert_eq!(weights, [1, SAMPLED, SAMPLED]);
        assert_eq!(hits.count(Tier::Shared).weight(), Some(1));
        assert_eq!(hits.count(Tier::Shared).weight(), None);
    }
}
