//! The hit ratio of Larder's memory tier on traces, compared with moka, with foyer, and with the
//! most that any cache could reach.
//!
//! A trace is a pure function of published parameters and a seed. A [`Contender`] replays it: it
//! looks up each object, and stores it after a miss. `cargo xtask hit-ratio` prints tables, and the
//! tests do the same with small traces.
//!
//! [`Contender`]: contenders::Contender
#![allow(clippy::expect_used, reason = "a benchmark that does not measure what it says must stop, loudly")]

pub mod attack;
pub mod ceiling;
mod comparison;
pub mod contenders;
// The memory tier itself, not a copy of it. `larder` does not export it.
#[allow(dead_code, unexpected_cfgs, reason = "`larder` uses all of it, and has more features")]
#[path = "../../../crates/larder/src/engine/memory_tier.rs"]
mod memory_tier;
mod object;
mod sizes;
pub mod traces;

pub use self::comparison::Comparison;
pub use self::object::Object;
pub use self::sizes::Sizes;
pub use self::traces::Scale;
