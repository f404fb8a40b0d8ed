//! The parts of an explanation that do not decide anything: the key, the names, what is stored.
//!
//! - `report.rs`: puts an explanation together
//! - `key_recorder.rs`: notes the parts of a key while the policy writes it
//! - `stored_entries.rs`: what both tiers hold

mod key_recorder;
pub(crate) mod report;
mod stored_entries;
