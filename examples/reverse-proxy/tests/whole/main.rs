//! Tests of the proxy over real sockets. The origin and the client control every byte.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

mod aborted;
mod caching;
mod downloads;
mod forwarding;
mod index_server;
mod large_file;
mod limits;
mod packages;
mod purging;
mod refusing;
mod stopping;
mod streaming;
mod support;
mod surrogates;
