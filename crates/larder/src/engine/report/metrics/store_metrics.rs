//! The metrics of the work with the shared store.

use std::time::Duration;

use metrics::{Unit, describe_histogram, histogram};

/// Registers the descriptions of the metrics with the recorder.
pub(crate) fn describe() {
    let time = |name, what| describe_histogram!(name, Unit::Seconds, what);
    time("larder_store_operation_seconds", "Time of an operation with the shared store");
    time("larder_lease_wait_seconds", "Time that a fill or a load waited for another instance");
    time("larder_invalidation_append_seconds", "Time until an invalidation was applied or deferred");
    time("larder_invalidation_lag_seconds", "Time until this instance read an entry of the log");
}

pub(in crate::engine::report) fn record_operation(operation: &'static str, time: Duration) {
    histogram!("larder_store_operation_seconds", "operation" => operation).record(time);
}

pub(in crate::engine::report) fn record_lease_wait(time: Duration) {
    histogram!("larder_lease_wait_seconds").record(time);
}

pub(in crate::engine::report) fn record_append(time: Duration) {
    histogram!("larder_invalidation_append_seconds").record(time);
}

pub(in crate::engine::report) fn record_lag(time: Duration) {
    histogram!("larder_invalidation_lag_seconds").record(time);
}
