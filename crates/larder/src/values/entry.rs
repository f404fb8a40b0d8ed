//! The properties of a cached value, apart from the value.

use std::time::Duration;

use larder_core::invalidation::selector::Tag;
use larder_core::outcome::Tier;
use larder_core::time::BootTime;

use crate::values::cached_value::CachedValue;

/// The properties of a cached value or absence, apart from the value.
///
/// Returned by [`Values::entry`](crate::values::Values::entry).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValueEntry {
    /// The time since the value was loaded.
    pub age: Duration,
    /// The time for which it will still be fresh. Zero if it is stale.
    pub remaining: Duration,
    /// The tier in which it was found.
    pub tier: Tier,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// How long its load took.
    pub load_time: Duration,
    /// Whether it is an absence.
    pub is_absence: bool,
}

impl ValueEntry {
    pub(super) fn new<V>(cached: &CachedValue<V>, tier: Tier, now: BootTime) -> Self {
        Self {
            age: cached.age(now),
            remaining: Duration::from_nanos(cached.nanos_left(now)),
            tier,
            tags: cached.meta.names.tags().collect(),
            load_time: cached.meta.cost,
            is_absence: cached.value.is_none(),
        }
    }
}
