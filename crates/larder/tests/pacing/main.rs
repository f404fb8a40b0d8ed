//! How often an instance asks the shared store, in paused time.

// All code here is for tests. The lints recognize only functions with a test attribute.
#![allow(clippy::unwrap_used, clippy::panic)]

mod counting;
mod lease_waits;
mod poll_pauses;
