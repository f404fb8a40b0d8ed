//! The traces behind the rules of the invalidation log, on the pure state machine.
//!
//! Several tails are the instances, a scripted log stands for Redis, and a stored response is a
//! position, a moment and names.
//!
//! Each test is named after its rule and fails if the rule is left out. A is the instance that
//! invalidates, B is another instance, and `v0` is the response that was stored before.

#![allow(clippy::unwrap_used)] // A test that cannot be set up fails, in its helpers too.

mod forever;
mod invalidating;
mod looks;
mod positions;
mod replica_lag;
mod serving;
mod soft_windows;
mod tokens;
mod world;
