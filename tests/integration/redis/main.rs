//! The cache over Redis: several instances, real servers and real faults.

#![cfg(unix)]
// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod advice;
mod away;
mod closing;
mod cluster;
mod coded_bodies;
mod cold_path;
mod compressed;
mod corrupt;
mod explaining;
mod fleet;
mod flood;
mod foreign_programs;
mod gateway;
mod head;
mod hostile;
mod inspecting;
mod lease;
mod long_log;
mod lost_log;
mod measures;
mod monitoring;
mod nested;
mod no_vary_search;
mod own_writes;
mod private;
mod races;
mod ranges;
mod reclaim;
mod replica_lag;
mod replicas;
mod restart;
mod round_trips;
mod sentinel;
mod shared;
mod shop;
mod switches;
mod tls;
mod traffic;
mod uri_aliases;
