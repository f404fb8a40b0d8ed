//! The metrics of routes.
//!
//! Requests are counted by the routes, each thread for itself, and published every second: a hit
//! then writes to no memory that other threads write to.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use larder_core::outcome::{NotStored, Outcome, Tier};
use metrics::{Histogram, counter, histogram};

use crate::engine::report::metrics::sampled_histogram::SampledHistogram;
use crate::engine::report::metrics::{NO_VALUE, times, unpublished};
use crate::engine::report::outcome_index::{OUTCOMES, index_of};
use crate::engine::report::route_stats::RequestResult;

/// The counts of a route that were published already, and the histograms that hits record in.
pub(crate) struct Published {
    requests: [AtomicU64; OUTCOMES],
    saved_nanos: AtomicU64,
    bytes: AtomicU64,
    /// The handles are stored here, so that a sampled hit does not look them up in the recorder.
    times: [OnceLock<Histogram>; RequestResult::ALL.len()],
    age_at_hit: SampledHistogram,
}

impl Default for Published {
    fn default() -> Self {
        Self {
            requests: [const { AtomicU64::new(0) }; OUTCOMES],
            saved_nanos: AtomicU64::default(),
            bytes: AtomicU64::default(),
            times: Default::default(),
            age_at_hit: SampledHistogram::default(),
        }
    }
}

/// The name of a route, and its lifetime class.
#[derive(Clone, Copy)]
pub(in crate::engine::report) struct RouteLabels<'a> {
    pub(in crate::engine::report) route: &'a str,
    pub(in crate::engine::report) class: &'a str,
}

impl RouteLabels<'_> {
    fn owned(self) -> (String, String) {
        (self.route.to_owned(), self.class.to_owned())
    }
}

impl Published {
    /// Publishes the requests with this outcome that are not published yet.
    pub(in crate::engine::report) fn requests(&self, labels: RouteLabels<'_>, outcome: Outcome, total: u64) {
        let count = unpublished(&self.requests[index_of(outcome)], total);
        if count == 0 {
            return;
        }
        let (route, class) = labels.owned();
        counter!(
            "larder_requests_total",
            "route" => route,
            "class" => class,
            "outcome" => outcome.as_str(),
            "tier" => outcome.tier().map_or(NO_VALUE, Tier::as_str),
            "reason" => if matches!(outcome, Outcome::Hit(_)) { NO_VALUE } else { outcome.reason() },
        )
        .increment(count);
        if let Outcome::Miss(reason) = outcome {
            counter!("larder_misses_total", "reason" => reason.as_str()).increment(count);
        }
    }

    /// Publishes the handler time and the bytes of hits that are not published yet.
    pub(in crate::engine::report) fn savings(&self, labels: RouteLabels<'_>, nanos: u64, bytes: u64) {
        let nanos = unpublished(&self.saved_nanos, nanos);
        if nanos > 0 {
            counter!("larder_handler_time_saved_nanoseconds_total").increment(nanos);
        }
        let bytes = unpublished(&self.bytes, bytes);
        if bytes > 0 {
            let (route, class) = labels.owned();
            counter!("larder_served_bytes_total", "route" => route, "class" => class).increment(bytes);
        }
    }

    pub(in crate::engine::report) fn record_time(
        &self,
        labels: RouteLabels<'_>,
        result: RequestResult,
        time: Duration,
        weight: u64,
    ) {
        let histogram = self.times[result as usize].get_or_init(|| {
            let (route, class) = labels.owned();
            let result = result.as_str();
            histogram!("larder_request_seconds", "route" => route, "class" => class, "result" => result)
        });
        histogram.record_many(time, times(weight));
    }

    pub(in crate::engine::report) fn record_age(&self, labels: RouteLabels<'_>, age: Duration, weight: u64) {
        self.age_at_hit.record(age, weight, || {
            let (route, class) = labels.owned();
            histogram!("larder_hit_age_seconds", "route" => route, "class" => class)
        });
    }
}

pub(in crate::engine::report) fn record_eviction(labels: RouteLabels<'_>, age: Duration) {
    let (route, class) = labels.owned();
    counter!("larder_evictions_total", "route" => route.clone(), "class" => class.clone()).increment(1);
    histogram!("larder_eviction_age_seconds", "route" => route, "class" => class).record(age);
}

pub(in crate::engine::report) fn record_fill(labels: RouteLabels<'_>, cost: Duration) {
    let (route, class) = labels.owned();
    counter!("larder_fills_total", "route" => route.clone(), "class" => class.clone()).increment(1);
    histogram!("larder_fill_seconds", "route" => route, "class" => class).record(cost);
}

pub(in crate::engine::report) fn record_store_decision(
    labels: RouteLabels<'_>,
    stored: Result<(), NotStored>,
) {
    let (route, class) = labels.owned();
    let counter = match stored {
        Ok(()) => counter!("larder_stored_total", "route" => route, "class" => class),
        Err(reason) => counter!(
            "larder_not_stored_total", "route" => route, "class" => class, "reason" => reason.as_str()
        ),
    };
    counter.increment(1);
}
