//! How durations are distributed: counters of buckets, and their sum.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// The number of buckets. The last one has all durations of 19 hours and longer.
const BUCKETS: usize = 40;
/// The first bucket has durations of less than `2^FIRST_BIT` nanoseconds.
const FIRST_BIT: usize = 7;

/// How a number of durations is distributed.
///
/// It consists of buckets whose bounds are powers of two, from 128 ns to about 19 hours. So a
/// [quantile](Self::quantile) is exact within a factor of two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    buckets: [u64; BUCKETS],
    sum: Duration,
}

impl Distribution {
    /// Returns the number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Returns the sum of the durations.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the mean, or `None` if there is no duration.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // A mean does not need more than 53 bits.
    pub fn mean(&self) -> Option<Duration> {
        match self.count() {
            0 => None,
            count => Some(Duration::from_secs_f64(self.sum.as_secs_f64() / count as f64)),
        }
    }

    /// Returns a bound that at least the share `q` of the durations are below.
    ///
    /// `q` ranges from 0.0 to 1.0. Returns `None` if there is no duration.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // As above.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let wanted = q.clamp(0.0, 1.0) * self.count() as f64;
        let mut seen = 0;
        let below = self.buckets.iter().position(|count| {
            seen += count;
            *count > 0 && seen as f64 >= wanted
        });
        below.map(bound)
    }

    /// Returns the upper bound of each bucket, with the number of durations below it.
    ///
    /// The last bucket has no bound.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut seen = 0;
        self.buckets[..BUCKETS - 1].iter().enumerate().map(move |(index, count)| {
            seen += count;
            (bound(index), seen)
        })
    }

    /// Adds the durations of another distribution.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.buckets.iter_mut().zip(other.buckets) {
            *count += more;
        }
        self.sum += other.sum;
    }
}

impl Serialize for Distribution {
    /// Serializes the count, the sum, the mean and three quantiles, all times in seconds.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        let mut fields = serializer.serialize_struct("Distribution", 6)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("sum_seconds", &self.sum.as_secs_f64())?;
        fields.serialize_field("mean_seconds", &seconds(self.mean()))?;
        for (name, q) in [("p50_seconds", 0.5), ("p90_seconds", 0.9), ("p99_seconds", 0.99)] {
            fields.serialize_field(name, &seconds(self.quantile(q)))?;
        }
        fields.end()
    }
}

impl Default for Distribution {
    /// Returns the distribution of no durations.
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum: Duration::ZERO }
    }
}

/// Returns the upper bound of a bucket.
const fn bound(index: usize) -> Duration {
    Duration::from_nanos(1 << (index + FIRST_BIT))
}

/// The counters of a distribution.
pub(crate) struct DistributionCounters {
    buckets: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
}

impl DistributionCounters {
    /// Adds `times` equal durations.
    pub(crate) fn record(&self, duration: Duration, times: u64) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bits = usize::try_from(u64::BITS - nanos.leading_zeros()).unwrap_or(BUCKETS);
        let bucket = bits.saturating_sub(FIRST_BIT).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(times, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos.saturating_mul(times), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Distribution {
        Distribution {
            buckets: std::array::from_fn(|index| self.buckets[index].load(Ordering::Relaxed)),
            sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)),
        }
    }
}

impl Default for DistributionCounters {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum_nanos: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_below_the_bound_of_its_bucket() {
        for nanos in [0, 1, 127, 128, 129, 255, 256, 1_000, 1_000_000, 3_600_000_000_000] {
            let counters = DistributionCounters::default();
            counters.record(Duration::from_nanos(nanos), 1);
            let bound = counters.read().quantile(1.0).unwrap().as_nanos();
            let nanos = u128::from(nanos);
            assert!(nanos < bound && (bound == 128 || bound <= 2 * nanos), "{nanos} is below {bound}");
        }
    }

    #[test]
    fn quantiles_and_the_mean_are_those_of_all_durations() {
        let counters = DistributionCounters::default();
        assert_eq!((counters.read().quantile(0.5), counters.read().mean()), (None, None));
        counters.record(Duration::from_nanos(100), 90);
        counters.record(Duration::from_nanos(1_000), 10);
        let all = counters.read();
        assert_eq!((all.count(), all.sum()), (100, Duration::from_nanos(19_000)));
        assert_eq!(all.mean(), Some(Duration::from_nanos(190)));
        let at = |q| all.quantile(q).unwrap().as_nanos();
        assert_eq!((at(0.0), at(0.5), at(0.9), at(0.91), at(1.0)), (128, 128, 128, 1024, 1024));
    }

    #[test]
    fn the_longest_durations_are_counted_and_have_no_bound() {
        let counters = DistributionCounters::default();
        counters.record(Duration::MAX, 1);
        let all = counters.read();
        assert_eq!(all.count(), 1);
        assert_eq!(all.cumulative().last().map(|(_, count)| count), Some(0));
    }

    #[test]
    fn a_distribution_is_serialized_as_its_quantiles() {
        let counters = DistributionCounters::default();
        counters.record(Duration::from_secs(2), 1);
        let json = serde_json::to_value(counters.read()).unwrap();
        let below = 2.147_483_648;
        let expected = serde_json::json!({
            "count": 1, "sum_seconds": 2.0, "mean_seconds": 2.0,
            "p50_seconds": below, "p90_seconds": below, "p99_seconds": below,
        });
        assert_eq!(json, expected);
        let none = serde_json::to_value(Distribution::default()).unwrap();
        assert_eq!((&none["count"], &none["mean_seconds"]), (&0.into(), &serde_json::Value::Null));
    }

    #[test]
    fn two_distributions_add_up() {
        let (one, other) = (DistributionCounters::default(), DistributionCounters::default());
        one.record(Duration::from_micros(1), 2);
        other.record(Duration::from_secs(1), 3);
        let mut sum = one.read();
        sum.merge(&other.read());
        assert_eq!((sum.count(), sum.sum()), (5, Duration::from_micros(3_000_002)));
        assert_eq!(sum.cumulative().last().map(|(_, count)| count), Some(5));
    }
}
