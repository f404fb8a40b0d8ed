//! Invalidating, and the tasks that keep this instance in step with the invalidation log.

pub(crate) mod append;
pub(crate) mod follow_log;
pub(crate) mod reclaim;
pub(crate) mod repeat;
