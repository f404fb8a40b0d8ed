//! The program as users run it: real processes, real sockets, a real Redis.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod exit_codes;
mod forms;
mod over_redis;
mod processes;
mod secrets;
mod support;
mod targets;
#[cfg(unix)]
mod terminals;
mod tls;
mod warm;
