//! The invalidation log, as this process knows it.
//!
//! The functions and tasks that change this state are in
//! [`invalidate`](crate::engine::invalidate).
//!
//! - `view.rs`: the state of the log that requests read, for a hit without a lock
//! - `stamped.rs`: the trait of the stored values that are checked against the log
//! - `wait.rs`: waiting until this instance has read as far as a consistency token says
//! - `wait_slots.rs`: the limit on requests that wait for the log
//! - `invalidation.rs`: `Invalidation`, its outcome and its error
//! - `part_tracker.rs`: the caches that have acted on an invalidation in a response
//! - `conversions.rs`: the values that convert to an `Invalidation`
//! - `feed.rs`: the feed of invalidations, for operators
//! - `group_commit.rs`: one append for many invalidations of the same path
//! - `key_commits.rs`: one append for the keys of many queued writes
//! - `recent_writes.rs`: paths and directories that get many writes
//! - `uri_aliases.rs`: the URIs that are invalidated together
//! - `repeat_queue.rs`: the invalidations that wait for their repetition
//! - `reclaim_queue.rs`: the invalidated responses whose memory waits to be freed

mod conversions;
pub(crate) mod feed;
pub(crate) mod group_commit;
pub(crate) mod invalidation;
pub(crate) mod key_commits;
pub(crate) mod part_tracker;
pub(crate) mod recent_writes;
pub(crate) mod reclaim_queue;
pub(crate) mod repeat_queue;
pub(crate) mod stamped;
pub(crate) mod uri_aliases;
pub(crate) mod view;
mod wait;
mod wait_slots;
