//! The console in a real browser, with two shops under load.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used, clippy::panic)]
#![cfg(unix)]

mod appearance;
mod expected;
mod figures;
mod fixture;
mod keyboard;
mod leaving;
mod nesting;
mod privacy;
mod processes;
mod requests;
mod steering;
mod understanding;
mod vendored;
mod watched_app;
