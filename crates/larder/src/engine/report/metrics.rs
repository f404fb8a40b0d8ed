//! The metrics of a cache, through the `metrics` facade.
//!
//! The names are documented at [`Stats`](crate::Stats).

pub(crate) mod publisher;
pub(crate) mod route_metrics;
pub(super) mod sampled_histogram;
pub(crate) mod store_metrics;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::invalidation::table::Forgotten;
use larder_core::outcome::NotShared;
use larder_core::store::StoreError;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::engine::report::lease_event::LeaseEvent;

/// The value of a label that does not apply.
///
/// A metric always has the same labels.
pub(super) const NO_VALUE: &str = "none";

/// Registers the descriptions of the metrics with the recorder.
pub(crate) fn describe() {
    let count = |name, what| describe_counter!(name, Unit::Count, what);
    count("larder_requests_total", "Requests answered");
    count("larder_misses_total", "Requests that could have been hits but were answered by the handler");
    count("larder_fills_total", "Runs of the handler for a response to store");
    count("larder_collapsed_total", "Requests that waited for the fill of another request");
    count("larder_evictions_total", "Responses evicted from memory");
    count("larder_refreshes_total", "Responses refreshed in the background");
    count("larder_refreshes_skipped_total", "Refreshes skipped because too many were running");
    count("larder_stored_total", "Responses stored");
    count("larder_not_shared_total", "Responses stored in memory alone");
    count("larder_not_stored_total", "Responses not stored");
    count("larder_invalidations_total", "Selectors invalidated by this process");
    count("larder_folded_names_total", "Invalidated paths of which only the directory is remembered");
    count("larder_floor_raises_total", "Times that everything older was refused as names were forgotten");
    count("larder_leases_total", "Leases acquired, awaited and taken over");
    count("larder_reclaimed_total", "Responses removed from the shared store because they were invalidated");
    count("larder_reclaim_scans_total", "Scans of the shared store for such responses");
    count("larder_store_errors_total", "Exchanges with the shared store that failed");
    count("larder_served_bytes_total", "Bytes of stored bodies that answered requests");
    let time = |name, what| describe_histogram!(name, Unit::Seconds, what);
    time("larder_fill_seconds", "Time that the handler took for a response to store");
    time("larder_request_seconds", "Time until the head of the response");
    time("larder_hit_age_seconds", "Age of one in 64 of the responses that were served fresh");
    time("larder_eviction_age_seconds", "Age of responses that were evicted from memory");
    describe_counter!(
        "larder_handler_time_saved_nanoseconds_total",
        Unit::Nanoseconds,
        "Handler time saved by hits"
    );
    describe_gauge!("larder_memory_entries", Unit::Count, "Responses and values in memory");
    describe_gauge!("larder_memory_bytes", Unit::Bytes, "Size of the responses and values in memory");
}

/// Returns how much of `total` is not published, and marks it as published.
pub(super) fn unpublished(published: &AtomicU64, total: u64) -> u64 {
    // Two threads may publish at the same time: the maximum is published once.
    total.saturating_sub(published.fetch_max(total, Ordering::Relaxed))
}

/// Returns for how many requests a sample stands.
pub(super) fn times(weight: u64) -> usize {
    usize::try_from(weight).unwrap_or(usize::MAX)
}

pub(super) fn record_collapsed() {
    counter!("larder_collapsed_total").increment(1);
}

pub(super) fn record_refresh() {
    counter!("larder_refreshes_total").increment(1);
}

pub(super) fn record_refresh_skipped() {
    counter!("larder_refreshes_skipped_total").increment(1);
}

pub(super) fn record_not_shared(reason: NotShared) {
    counter!("larder_not_shared_total", "reason" => reason.as_str()).increment(1);
}

pub(super) fn record_invalidated(selectors: u64) {
    counter!("larder_invalidations_total").increment(selectors);
}

pub(super) fn record_forgotten(forgotten: Forgotten) {
    counter!("larder_folded_names_total").increment(forgotten.folded);
    counter!("larder_floor_raises_total").increment(forgotten.floor_raises);
}

pub(super) fn record_lease_event(what: LeaseEvent) {
    counter!("larder_leases_total", "event" => what.as_str()).increment(1);
}

pub(super) fn record_reclaimed(responses: u64, scans: u64) {
    counter!("larder_reclaimed_total").increment(responses);
    counter!("larder_reclaim_scans_total").increment(scans);
}

pub(super) fn record_slow_poll() {
    counter!("larder_slow_polls_total").increment(1);
}

pub(super) fn record_store_error(operation: &'static str, error: &StoreError) {
    let kind = error.kind().as_str();
    counter!("larder_store_errors_total", "operation" => operation, "kind" => kind).increment(1);
}

/// The use of one memory tier, as it was last reported.
///
/// A gauge changes by the difference from the last report, so that it shows the sum of all caches.
#[derive(Default)]
pub(crate) struct MemoryGauge {
    responses: AtomicU64,
    bytes: AtomicU64,
}

impl MemoryGauge {
    /// Reports the current use.
    pub(crate) fn set(&self, responses: u64, bytes: u64) {
        gauge!("larder_memory_entries").increment(difference(&self.responses, responses));
        gauge!("larder_memory_bytes").increment(difference(&self.bytes, bytes));
    }
}

impl Drop for MemoryGauge {
    fn drop(&mut self) {
        self.set(0, 0);
    }
}

#[allow(clippy::cast_precision_loss)] // A gauge is a float.
fn difference(last: &AtomicU64, now: u64) -> f64 {
    now as f64 - last.swap(now, Ordering::Relaxed) as f64
}
