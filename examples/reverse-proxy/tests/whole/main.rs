//! Tests of the proxy over real sockets. The origin and the client control every byte.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

mod caching;
mod forwarding;
mod limits;
mod purging;
mod refusing;
mod stopping;
mod streaming;
mod support;
mod surrogates;
