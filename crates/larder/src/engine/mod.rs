//! Caching itself, whatever is cached: nothing here knows of HTTP.

pub(crate) mod background;
pub(crate) mod clock;
pub(crate) mod coalesce;
pub(crate) mod detach;
pub(crate) mod invalidate;
pub(crate) mod invalidation_log;
pub(crate) mod lease;
pub(crate) mod memory_tier;
pub(crate) mod report;
pub(crate) mod shared;
pub(crate) mod store;
pub(crate) mod sync;
pub mod ttl;
