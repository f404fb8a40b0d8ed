//! Switches: bypasses that an operator sets until a time, for a route, a class or the whole cache.
//!
//! - `scope.rs`: `SwitchScope`, what a switch covers
//! - `switch.rs`: `Switch`, one bypass, as users see it
//! - `switch_error.rs`: the error for a switch that cannot be set
//! - `layer_flags.rs`: the flags of a layer, which each hit reads
//! - `switch_table.rs`: the switches of a cache
//! - `switch_record.rs`: the switches of all instances, as the store keeps them
//!
//! `engine/fleet_switches.rs` changes those of all instances, and reads them.

pub(crate) mod layer_flags;
pub(crate) mod scope;
pub(crate) mod switch;
pub(crate) mod switch_error;
pub(crate) mod switch_record;
pub(crate) mod switch_table;
