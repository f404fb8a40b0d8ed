//! The traces behind the rules of the invalidation log, on the pure state machine: several tails as instances, a
//! scripted log standing for Redis, and stored responses as position, moment and names.
//!
//! Each test is named after its rule and fails if the rule is left out. A is the instance that invalidates, B another,
//! `v0` what was stored before.

#![allow(clippy::unwrap_used)] // A test that cannot be set up fails, in its helpers too.

mod forever;
mod invalidating;
mod looks;
mod positions;
mod serving;
mod tokens;
mod world;
