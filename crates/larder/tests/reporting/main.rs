//! What the cache tells of itself: statistics, metrics and logs.
#![allow(clippy::unwrap_used, clippy::panic)] // All of this is tests; the lint only knows functions that are marked so.

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
