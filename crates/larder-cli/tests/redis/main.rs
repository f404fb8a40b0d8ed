//! `larder doctor`, `size` and `bench` against real servers.
//!
//! Each server of the doctor has one misconfiguration. Where the finding has a command for
//! `redis-cli`, the test types it, and the finding is gone.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

mod bench_command;
mod examination;
mod limits;
mod planted_log;
mod planted_memory;
mod planted_rights;
mod planted_roles;
mod planted_times;
mod size_command;
