//! The metrics of routes.
//!
//! Requests are counted by the routes, each thread for itself, and published every second: a hit
//! then writes to no memory that other threads write to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::outcome::{NotStored, Outcome, Tier};
use metrics::{counter, histogram};

use crate::engine::report::metrics::NO_VALUE;
use crate::engine::report::outcome_index::{OUTCOMES, index_of};

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
}

/// Returns how much of `total` is not published, and marks it as published.
fn unpublished(published: &AtomicU64, total: u64) -> u64 {
    // Two threads may publish at the same time: the maximum is published once.
    total.saturating_sub(published.fetch_max(total, Ordering::Relaxed))
}

pub(in crate::engine::report) fn record_time(
    labels: RouteLabels<'_>,
    result: &'static str,
    time: Duration,
    weight: u64,
) {
    let (route, class) = labels.owned();
    histogram!("larder_request_seconds", "route" => route, "class" => class, "result" => result)
        .record_many(time, times(weight));
}

pub(in crate::engine::report) fn record_age(labels: RouteLabels<'_>, age: Duration, weight: u64) {
    let (route, class) = labels.owned();
    histogram!("larder_hit_age_seconds", "route" => route, "class" => class).record_many(age, times(weight));
}

fn times(weight: u64) -> usize {
    usize::try_from(weight).unwrap_or(usize::MAX)
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
