//! The cache in memory, through real sockets: what a client, a handler and an operator see of it.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::type_complexity)] // Test tables spell out their types.

mod bodies;
mod closing;
mod compression;
mod control;
mod credentials;
mod disabled;
mod early;
mod failures;
mod flights;
mod followers;
mod foreign_ranges;
mod framing;
mod heads;
mod health;
mod hostile;
mod hung;
mod instances;
mod invalidation;
mod invalidation_layer;
mod jitter;
mod keys;
mod layers;
mod main_job;
mod methods;
mod names;
mod nested;
mod never_fresh;
mod no_vary_search;
mod not_modified;
mod outage;
mod own_requests;
mod own_writes;
mod parts;
mod plain;
mod ranges;
mod readiness;
mod reasons_page;
mod refreshes;
mod replica_lag;
mod reports;
mod request_scope;
mod sessions;
mod slow;
mod stale;
mod subsecond;
mod support;
mod templates;
mod unshared_failures;
mod validation;
mod vary;
mod warnings;
mod written_tags;
