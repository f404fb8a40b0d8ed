//! The modules [`store`], [`lease`], [`write_queue`], [`monitoring`], [`invalidation`], [`stored`]
//! and [`time`] are for authors of stores for [Larder](https://docs.rs/larder), an HTTP response
//! cache for axum and Tower:
//!
//! * [`store`]: the traits of a shared tier and of an invalidation log;
//! * [`lease`]: the trait of a store that grants leases;
//! * [`write_queue`]: the trait of a store that keeps writes for write-behind;
//! * [`monitoring`]: the trait of a store that operators can observe, and its data;
//! * [`invalidation`]: the [positions](invalidation::position), the
//!   [events](invalidation::selector) and the [pages](invalidation::log_page) of the log;
//! * [`stored::address`] and [`stored::wire`]: the addresses and the fixed offsets of stored
//!   values;
//! * [`time`]: the values of the two clocks.
//!
//! All other modules are internal to `larder` and hidden from these docs. They may change in any
//! release.
//!
//! This crate does no I/O, reads no clock and needs no runtime. It implements RFC 9111 and the
//! invalidation log as pure functions of their inputs and `now`, and as one state machine. `larder`
//! calls the functions and drives the state machine.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub mod advice;
#[doc(hidden)]
pub mod heavy_hitters;
#[doc(hidden)]
pub mod http;
pub mod invalidation;
#[doc(hidden)]
pub mod join;
#[doc(hidden)]
pub mod key;
pub mod lease;
mod lease_holder;
#[doc(hidden)]
pub mod lifetime;
pub mod monitoring;
#[doc(hidden)]
pub mod outcome;
mod random_id;
mod scan_cursor;
pub mod store;
mod store_error;
pub mod stored;
mod switch_record;
pub mod time;
#[doc(hidden)]
pub mod value;
#[doc(hidden)]
pub mod wire;
pub mod write_queue;
