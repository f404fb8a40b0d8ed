//! The metrics of routes.
//!
//! Requests are counted by the routes, each thread for itself, and published every second: a hit
//! then writes to no memory that other threads write to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::outcome::{NotStored, Outcome, Tier};
use metrics::{counter, histogram};

use crate::engine::report::metrics::NO_VALUE;
use crate::engine::report::outcome_index::{OUTCOMES, all_outcomes, index_of};
use crate::engine::report::route_counters::RouteCounters;
use crate::engine::report::route_stats::RequestResult;

/// The counts of a route that were published already.
pub(crate) struct Published {
    requests: [AtomicU64; OUTCOMES],
    saved_nanos: AtomicU64,
    bytes: AtomicU64,
}

impl Default for Published {
    fn default() -> Self {
        Self {
            requests: [const { AtomicU64::new(0) }; OUTCOMES],
            saved_nanos: AtomicU64::default(),
            bytes: AtomicU64::default(),
        }
    }
}

impl RouteCounters {
    /// Publishes the counts that are not published yet.
    pub(crate) fn publish(&self) {
        for outcome in all_outcomes() {
            let count = unpublished(&self.published.requests[index_of(outcome)], self.count_of(outcome));
            if count > 0 {
                self.publish_requests(outcome, count);
            }
        }
        let nanos = unpublished(&self.published.saved_nanos, self.hits.saved_nanos());
        if nanos > 0 {
            counter!("larder_handler_time_saved_nanoseconds_total").increment(nanos);
        }
        let bytes = unpublished(&self.published.bytes, self.hits.bytes());
        if bytes > 0 {
            let (route, class) = (self.route.to_string(), self.class.to_string());
            counter!("larder_served_bytes_total", "route" => route, "class" => class).increment(bytes);
        }
    }

    fn publish_requests(&self, outcome: Outcome, count: u64) {
        counter!(
            "larder_requests_total",
            "route" => self.route.to_string(),
            "class" => self.class.to_string(),
            "outcome" => outcome.as_str(),
            "tier" => outcome.tier().map_or(NO_VALUE, Tier::as_str),
            "reason" => if matches!(outcome, Outcome::Hit(_)) { NO_VALUE } else { outcome.reason() },
        )
        .increment(count);
        if let Outcome::Miss(reason) = outcome {
            counter!("larder_misses_total", "reason" => reason.as_str()).increment(count);
        }
    }
}

impl Drop for RouteCounters {
    /// Publishes the last counts.
    fn drop(&mut self) {
        self.publish();
    }
}

/// Returns how much of `total` is not published, and marks it as published.
fn unpublished(published: &AtomicU64, total: u64) -> u64 {
    // Two threads may publish at the same time: the maximum is published once.
    total.saturating_sub(published.fetch_max(total, Ordering::Relaxed))
}

pub(in crate::engine::report) fn record_time(
    route: &RouteCounters,
    result: RequestResult,
    time: Duration,
    weight: u64,
) {
    let (route, class) = (route.route.to_string(), route.class.to_string());
    histogram!("larder_request_seconds", "route" => route, "class" => class, "result" => result.as_str())
        .record_many(time, times(weight));
}

pub(in crate::engine::report) fn record_age(route: &RouteCounters, age: Duration, weight: u64) {
    let (route, class) = (route.route.to_string(), route.class.to_string());
    histogram!("larder_hit_age_seconds", "route" => route, "class" => class).record_many(age, times(weight));
}

fn times(weight: u64) -> usize {
    usize::try_from(weight).unwrap_or(usize::MAX)
}

pub(in crate::engine::report) fn record_fill(route: &RouteCounters, cost: Duration) {
    let (route, class) = (route.route.to_string(), route.class.to_string());
    counter!("larder_fills_total", "route" => route.clone(), "class" => class.clone()).increment(1);
    histogram!("larder_fill_seconds", "route" => route, "class" => class).record(cost);
}

pub(in crate::engine::report) fn record_store_decision(route: &RouteCounters, stored: Result<(), NotStored>) {
    let (route, class) = (route.route.to_string(), route.class.to_string());
    let counter = match stored {
        Ok(()) => counter!("larder_stored_total", "route" => route, "class" => class),
        Err(reason) => counter!(
            "larder_not_stored_total", "route" => route, "class" => class, "reason" => reason.as_str()
        ),
    };
    counter.increment(1);
}
