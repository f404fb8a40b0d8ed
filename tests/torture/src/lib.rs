//! Checks Larder's guarantees with real processes, a real Redis and real faults.
//!
//! A *driver* starts instances as separate processes, each behind a misbehaving proxy, and three
//! redis-servers that it kills, stops, empties and deposes. The driver holds the reference model
//! that the handlers of all instances read. It sends reads and writes on a schedule that depends on
//! a seed, and records each request with its interval. The [checker](check) then proves from that
//! [history] alone that every promise held.

pub mod check;
pub mod clock;
mod database;
pub mod driver;
pub mod history;
mod http_client;
pub mod instance;
pub mod item;
pub mod plan;
mod reference_model;
pub mod report;
mod wire;
