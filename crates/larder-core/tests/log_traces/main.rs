//! The traces behind the rules of the invalidation log, on the pure state machine: several tails as
//! instances, a scripted log in place of Redis, and stored responses as position, time and names.
//!
//! Each test is named after its rule, and fails without the rule. A is the instance that
//! invalidates, B is another one, and `v0` is the earlier response.

#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

mod forever;
mod invalidating;
mod looks;
mod positions;
mod serving;
mod tokens;
mod world;
