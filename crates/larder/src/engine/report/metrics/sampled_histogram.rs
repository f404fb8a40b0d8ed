//! A histogram of a part of the hits.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::Histogram;

use crate::engine::report::hits::SAMPLED;

/// A histogram with one record for each [`SAMPLED`] hits.
///
/// `Histogram::record_many` is a loop in the recorder of Prometheus. A record on behalf of 64 hits
/// would cost as much as one for each of them. A histogram of hits alone does not need that:
/// its quantiles are the same if each hit counts as a 64th.
#[derive(Default)]
pub(in crate::engine::report) struct SampledHistogram {
    /// The number of hits so far.
    hits: AtomicU64,
    /// The handle is stored here, so that a hit does not look it up in the recorder.
    histogram: OnceLock<Histogram>,
}

impl SampledHistogram {
    /// Records a hit that stands for `weight` hits, if it is time for a record.
    pub(in crate::engine::report) fn record(
        &self,
        value: Duration,
        weight: u64,
        create: impl FnOnce() -> Histogram,
    ) {
        let before = self.hits.fetch_add(weight, Ordering::Relaxed);
        if is_due(before, weight) {
            self.histogram.get_or_init(create).record(value);
        }
    }
}

/// Whether a hit that stands for `weight` hits gets a record. The first one does, so that a route
/// with few hits has one.
const fn is_due(before: u64, weight: u64) -> bool {
    before == 0 || before.wrapping_add(weight) / SAMPLED != before / SAMPLED
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of records of hits with these weights.
    fn records(weights: impl IntoIterator<Item = u64>) -> usize {
        let due = weights.into_iter().scan(0, |hits, weight| {
            let is_due = is_due(*hits, weight);
            *hits += weight;
            Some(is_due)
        });
        due.filter(|is_due| *is_due).count()
    }

    #[test]
    fn one_record_stands_for_64_hits() {
        assert_eq!(records([1]), 1);
        assert_eq!(records([1; 63]), 1);
        assert_eq!(records([1; 6400]), 101);
        assert_eq!(records([64; 100]), 100);
        assert_eq!(records([1].into_iter().chain([64; 99])), 100);
    }

    #[test]
    fn hits_with_and_without_samples_count_the_same() {
        // 6,400 hits in memory as samples, and 6,400 in the shared tier, each for itself.
        let mixed = (0..6400).flat_map(|hit| std::iter::once(1).chain((hit % 64 == 0).then_some(64)));
        assert_eq!(records(mixed), 201);
    }
}
