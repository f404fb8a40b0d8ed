//! Proves Larder's promises from the history of real processes, a real Redis and real faults.
//!
//! A *driver* starts instances as processes of their own, each behind a proxy that misbehaves, and
//! three redis-servers that are killed, hung, emptied and deposed. It holds the truth that the
//! handlers of all instances read, sends reads and writes on a schedule that follows from a seed,
//! and records each with its interval. The [checker](check) then proves from that [history] alone
//! that every promise held.

pub mod check;
pub mod clock;
pub mod driver;
pub mod history;
mod http_client;
pub mod instance;
pub mod item;
pub mod plan;
mod reference_model;
pub mod report;
mod wire;
