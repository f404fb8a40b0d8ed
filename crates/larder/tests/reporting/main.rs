//! The cache's own reports: statistics, metrics and logs.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod journal;
mod leases;
mod logs;
#[cfg(feature = "metrics")]
mod metrics;
mod only_if_cached;
mod ranges;
mod reasons;
mod shop;
mod stats;
mod store;
