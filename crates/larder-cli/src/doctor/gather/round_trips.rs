//! The times of round trips, and the clock of the server.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;

use crate::doctor::facts::{Bucket, ClockFacts, LatencyFacts};
use crate::doctor::right::probe_key;
use crate::redis_link::values::{number, parts};
use crate::redis_link::{Link, LinkError};

const SAMPLES: u64 = 400;
/// After this time, there are enough samples.
const MAX_TIME: Duration = Duration::from_secs(2);
/// Longer times count as this one, in microseconds.
const LONGEST: u64 = 60_000_000;
/// The upper bounds of the buckets, in microseconds.
const BOUNDS: [u64; 9] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000];
const CLOCK_SAMPLES: usize = 5;

/// Measures round trips of `GET` and of `PING`, one after the other.
pub(super) async fn measure(link: &Link, namespace: &str) -> Option<LatencyFacts> {
    let key = probe_key(namespace);
    let mut times = Histogram::<u64>::new_with_max(LONGEST, 3).ok()?;
    let begun = Instant::now();
    for sample in 0..SAMPLES {
        let sent = Instant::now();
        let answer = match sample % 2 {
            0 => link.send_for(&key, &["GET", &key]).await,
            _ => link.send(&["PING"]).await,
        };
        let time = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
        // An error of the server takes a round trip, too. A lost connection does not.
        if let Err(LinkError::Silent(_)) = answer
            && time < 1_000
        {
            break;
        }
        times.saturating_record(time);
        if begun.elapsed() > MAX_TIME {
            break;
        }
    }
    (!times.is_empty()).then(|| summary(&times))
}

fn summary(times: &Histogram<u64>) -> LatencyFacts {
    let at = |quantile| Duration::from_micros(times.value_at_quantile(quantile));
    let limits = BOUNDS.into_iter().chain([times.max().max(BOUNDS[8] + 1)]);
    let mut buckets: Vec<_> =
        limits.map(|limit| Bucket { limit: Duration::from_micros(limit), count: 0 }).collect();
    // `count_between` counts a value twice if its bin is on both sides of a limit.
    for recorded in times.iter_recorded() {
        let time = Duration::from_micros(recorded.value_iterated_to());
        let last = buckets.len() - 1;
        let bucket = buckets.iter().position(|bucket| time <= bucket.limit).unwrap_or(last);
        buckets[bucket].count += recorded.count_at_value();
    }
    LatencyFacts { samples: times.len(), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1.0), buckets }
}

/// Compares the clocks, by the fastest of some round trips.
pub(super) async fn compare_clocks(link: &Link) -> Option<ClockFacts> {
    let mut best: Option<(Duration, ClockFacts)> = None;
    for _ in 0..CLOCK_SAMPLES {
        let (sent, before) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).ok()?);
        let answer = link.send(&["TIME"]).await.ok()?;
        let trip = sent.elapsed();
        let [seconds, micros] = parts(&answer) else { return None };
        let server = Duration::from_secs(number(seconds)?) + Duration::from_micros(number(micros)?);
        // The server read its clock in the middle of the round trip, give or take half of it.
        let here = before + trip / 2;
        let clock = ClockFacts {
            difference: server.abs_diff(here),
            server_is_ahead: server > here,
            uncertainty: trip / 2,
        };
        if best.is_none_or(|(fastest, _)| trip < fastest) {
            best = Some((trip, clock));
        }
    }
    best.map(|(_, clock)| clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_every_sample_in_one_bucket() {
        let mut times = Histogram::<u64>::new_with_max(LONGEST, 3).unwrap();
        for time in [10, 100, 101, 900, 6_000, 200_000] {
            times.saturating_record(time);
        }
        let facts = summary(&times);
        assert_eq!(facts.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 6);
        assert_eq!(facts.buckets[0].count, 2);
        assert_eq!((facts.samples, facts.max >= Duration::from_millis(200)), (6, true));
        assert!(facts.p50 <= facts.p99 && facts.p99 <= facts.max);
    }
}
