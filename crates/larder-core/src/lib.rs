//! The rules of [Larder](https://docs.rs/larder), an HTTP response cache for axum and Tower.
//!
//! These modules are for authors of stores, such as `larder-redis`:
//!
//! * [`store`]: the traits of a shared tier and of an invalidation log;
//! * [`lease`]: the trait of a store that grants leases;
//! * [`log::position`] and [`log::selector`]: the positions and the events of the log;
//! * [`stored::address`] and [`stored::wire`]: the addresses and the fixed offsets of stored
//!   values;
//! * [`time`]: the two clocks, as values.
//!
//! Everything else is internal to `larder`.
//!
//! This crate does no I/O, reads no clock and needs no runtime. It implements RFC 9111 and the
//! invalidation log as pure functions of their inputs and `now`, and as one state machine. `larder`
//! drives them.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod http;
pub mod key;
pub mod lease;
pub mod log;
pub mod outcome;
pub mod store;
pub mod stored;
pub mod time;
