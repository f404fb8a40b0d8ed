//! The invalidation log, as this process sees it.

pub(crate) mod group_commit;
pub(crate) mod invalidation;
pub(crate) mod recent_writes;
pub(crate) mod reclaim_queue;
pub(crate) mod repeat_queue;
pub(crate) mod stamped;
pub(crate) mod uri_aliases;
pub(crate) mod view;
mod wait;
mod wait_slots;
