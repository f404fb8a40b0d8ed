//! Invalidating, and the tasks that keep this instance up to date with the invalidation log.
//!
//! The state that these functions and tasks change is in
//! [`invalidation_log`](crate::engine::invalidation_log).
//!
//! - `append.rs`: one invalidation, which is appended to the log or deferred
//! - `follow_log.rs`: the task that polls the log and flushes the outbox
//! - `repeat.rs`: the task that repeats an invalidation after some time
//! - `reclaim.rs`: the task that frees the shared store of invalidated responses

pub(crate) mod append;
pub(crate) mod follow_log;
pub(crate) mod reclaim;
pub(crate) mod repeat;
