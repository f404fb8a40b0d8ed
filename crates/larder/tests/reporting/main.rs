//! Tests of the reports of a cache: statistics, metrics and logs.

// All code here is for tests. The lints recognize only functions with a test attribute.
#![allow(clippy::unwrap_used, clippy::panic)]

mod advice;
mod calendars;
#[cfg(feature = "metrics")]
mod documented_metrics;
mod evictions;
mod explaining;
mod journal;
mod large_invalidation;
mod leases;
mod logs;
#[cfg(feature = "metrics")]
mod metrics;
mod only_if_cached;
mod queued_writes;
mod ranges;
mod reasons;
mod routes;
mod shared_store;
mod shop;
mod stats;
mod store;
mod store_times;
mod traces;
mod values;
