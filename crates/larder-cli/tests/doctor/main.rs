//! `larder doctor` against real servers. Each of them has one misconfiguration.
//!
//! Where the finding has a command for `redis-cli`, the test types it, and the finding is gone.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

mod examination;
mod limits;
mod planted_log;
mod planted_memory;
mod planted_rights;
mod planted_roles;
mod planted_times;
