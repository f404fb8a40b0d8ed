//! The write queue, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

#[path = "../support/mod.rs"]
mod support;

mod callers;
mod durable;
mod full;
mod gathered;
mod gathering;
mod held;
mod helpers;
mod logged;
mod order;
mod packs;
mod random;
mod readers;
mod rights;
mod speed;
mod trouble;
