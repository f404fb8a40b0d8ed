//! The counters of fresh hits, which are the only counters on the path of a hit.

use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::outcome::Tier;
use thread_local::ThreadLocal;

/// The counters of fresh hits, one set for each thread.
///
/// With one counter for all threads, its cache line would move from core to core with each hit.
#[derive(Default)]
pub(in crate::engine::report) struct Hits(ThreadLocal<Counters>);

#[derive(Default)]
struct Counters {
    memory: AtomicU64,
    shared: AtomicU64,
    saved_nanos: AtomicU64,
}

impl Hits {
    #[inline]
    pub(super) fn count(&self, tier: Tier) {
        self.count_with_savings(tier, 0);
    }

    #[inline]
    pub(super) fn count_with_savings(&self, tier: Tier, nanos: u64) {
        let counters = self.0.get_or_default();
        match tier {
            Tier::Memory => add(&counters.memory, 1),
            Tier::Shared => add(&counters.shared, 1),
        }
        add(&counters.saved_nanos, nanos);
    }

    #[inline]
    pub(super) fn add_saved(&self, nanos: u64) {
        add(&self.0.get_or_default().saved_nanos, nanos);
    }

    /// Returns the number of hits in this tier.
    pub(super) fn total(&self, tier: Tier) -> u64 {
        self.sum(|counters| match tier {
            Tier::Memory => &counters.memory,
            Tier::Shared => &counters.shared,
        })
    }

    /// Returns the handler time that was saved, in nanoseconds.
    pub(super) fn saved_nanos(&self) -> u64 {
        self.sum(|counters| &counters.saved_nanos)
    }

    fn sum(&self, of: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        self.0.iter().map(|counters| of(counters).load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

/// Adds to a counter.
///
/// Only the thread of the counter writes it, so no count is lost between the load and the store.
fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
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
                        hits.count(Tier::Memory);
                        hits.add_saved(3);
                    }
                    hits.count(Tier::Shared);
                });
            }
        });
        assert_eq!((hits.total(Tier::Memory), hits.total(Tier::Shared)), (4000, 4));
        assert_eq!(hits.saved_nanos(), 12_000);
    }
}
