//! The rules of [Larder](https://docs.rs/larder), an HTTP response cache for axum and Tower.
//!
//! This crate does no I/O, reads no clock and needs no runtime. What RFC 9111 and the invalidation log ask for is
//! written here as pure functions of their inputs and `now`, and as one state machine; `larder` drives them, and a
//! store such as `larder-redis` implements the traits in [`store`].

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod http;
pub mod key;
pub mod lease;
pub mod log;
pub mod outcome;
pub mod store;
pub mod stored;
pub mod time;
