//! The view of operators: this instance and the others.
//!
//! - `own_record.rs`: the record of this instance, and the list of all instances
//! - `announce_task.rs`: the task that announces this instance to the others
//! - `announce_schedule.rs`: when it does so
//! - `publish_gauges.rs`: the gauges of this instance and of the shared store

mod announce_schedule;
pub(crate) mod announce_task;
pub(crate) mod own_record;
#[cfg(feature = "metrics")]
mod publish_gauges;
