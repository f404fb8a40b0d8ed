//! Invalidating, and the tasks that keep this instance up to date with the invalidation log.
//!
//! The state that these functions and tasks change is in
//! [`invalidation_log`](crate::engine::invalidation_log).
//!
//! - `append.rs`: one invalidation, which is appended to the log or deferred
//! - `follow_log.rs`: the task that polls the log and flushes the outbox
//! - `log_pages.rs`: the pages of the log, from polls and from pushes
//! - `logged_push.rs`: an invalidation that is appended together with a queued write
//! - `pushed_news.rs`: the need for polls while pushes bring the news
//! - `repeat.rs`: the task that repeats an invalidation after some time
//! - `poll_pace.rs`: the pauses between polls of the log
//! - `reclaim.rs`: the task that frees the shared store of invalidated responses

pub(crate) mod append;
pub(crate) mod follow_log;
mod log_pages;
pub(crate) mod logged_push;
mod poll_pace;
mod pushed_news;
pub(crate) mod reclaim;
pub(crate) mod repeat;
