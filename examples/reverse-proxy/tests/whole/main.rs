//! The proxy between real sockets: an origin and a client that say every byte themselves.

#![allow(clippy::unwrap_used)] // Tests fail loudly; the helpers here are not known as tests to the lint.

mod caching;
mod forwarding;
mod limits;
mod refusing;
mod stopping;
mod streaming;
mod support;
