//! The metrics of a collection of values, through the `metrics` facade.
//!
//! Requests are counted by the collections, each thread for itself, and published every second.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use larder_core::outcome::{Outcome, Tier};
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::engine::report::metrics::sampled_histogram::SampledHistogram;
use crate::engine::report::metrics::{NO_VALUE, unpublished};
use crate::engine::report::outcome_index::{OUTCOMES, index_of};

/// Registers the descriptions of the metrics with the recorder.
pub(crate) fn describe() {
    let count = |name, what| describe_counter!(name, Unit::Count, what);
    count("larder_value_requests_total", "Values asked for");
    count("larder_value_loads_total", "Loads of values");
    count("larder_value_evictions_total", "Values evicted from memory");
    describe_counter!(
        "larder_value_load_time_saved_nanoseconds_total",
        Unit::Nanoseconds,
        "Load time saved by hits of values"
    );
    let time = |name, what| describe_histogram!(name, Unit::Seconds, what);
    time("larder_value_load_seconds", "Time that a load of a value took");
    time("larder_value_hit_seconds", "Time of one in 64 of the hits in memory");
    time("larder_value_hit_age_seconds", "Age of one in 64 of the values that were returned fresh");
    time("larder_value_eviction_age_seconds", "Age of values that were evicted from memory");
}

/// The counts of a collection that were published already, and the histograms that hits record in.
pub(super) struct Published {
    requests: [AtomicU64; OUTCOMES],
    saved_nanos: AtomicU64,
    hit_times: SampledHistogram,
    age_at_hit: SampledHistogram,
}

impl Default for Published {
    fn default() -> Self {
        Self {
            requests: [const { AtomicU64::new(0) }; OUTCOMES],
            saved_nanos: AtomicU64::default(),
            hit_times: SampledHistogram::default(),
            age_at_hit: SampledHistogram::default(),
        }
    }
}

impl Published {
    /// Publishes the requests with this outcome that are not published yet.
    pub(super) fn requests(&self, collection: &str, outcome: Outcome, total: u64) {
        let count = unpublished(&self.requests[index_of(outcome)], total);
        if count > 0 {
            counter!(
                "larder_value_requests_total",
                "collection" => collection.to_owned(),
                "outcome" => outcome.as_str(),
                "tier" => outcome.tier().map_or(NO_VALUE, Tier::as_str),
                "reason" => if matches!(outcome, Outcome::Hit(_)) { NO_VALUE } else { outcome.reason() },
            )
            .increment(count);
        }
    }

    /// Publishes the load time of hits that is not published yet.
    pub(super) fn saved(&self, collection: &str, nanos: u64) {
        let nanos = unpublished(&self.saved_nanos, nanos);
        if nanos > 0 {
            let name = collection.to_owned();
            counter!("larder_value_load_time_saved_nanoseconds_total", "collection" => name).increment(nanos);
        }
    }

    pub(super) fn record_hit_time(&self, collection: &str, time: Duration, weight: u64) {
        self.hit_times.record(
            time,
            weight,
            || histogram!("larder_value_hit_seconds", "collection" => collection.to_owned()),
        );
    }

    pub(super) fn record_age(&self, collection: &str, age: Duration, weight: u64) {
        self.age_at_hit.record(
            age,
            weight,
            || histogram!("larder_value_hit_age_seconds", "collection" => collection.to_owned()),
        );
    }
}

pub(super) fn record_load(collection: &str, outcome: &'static str, took: Duration) {
    let name = collection.to_owned();
    counter!("larder_value_loads_total", "collection" => name.clone(), "outcome" => outcome).increment(1);
    histogram!("larder_value_load_seconds", "collection" => name).record(took);
}

pub(super) fn record_eviction(collection: &str, age: Duration) {
    let name = collection.to_owned();
    counter!("larder_value_evictions_total", "collection" => name.clone()).increment(1);
    histogram!("larder_value_eviction_age_seconds", "collection" => name).record(age);
}
