//! The description of a cached value, for operators, whatever its type is.

use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::selector::Tag;
use larder_core::time::{BootTime, Clock};
use larder_core::value::{StoredValue, ValueMeta};
use serde::Serialize;

use crate::engine::invalidation_log::view::LogView;
use crate::engine::listing::stored_state::StoredState;
use crate::engine::memory_tier::Weigh;
use crate::engine::serialize::{seconds, tags};
use crate::engine::store_calendar::StoreCalendar;
use crate::values::cached_value::{Arrival, CachedValue};

/// The description of a cached value or absence. It does not have the value.
///
/// With serde, durations are seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ValueInfo {
    /// The encoded key: `v`, the name of the collection and the text of the value's key.
    pub key: String,
    /// Whether it may be served at this moment.
    pub state: StoredState,
    /// The time since the value was loaded.
    #[serde(rename = "age_seconds", serialize_with = "seconds")]
    pub age: Duration,
    /// The time until its lifetime ends. Zero if it has ended.
    #[serde(rename = "remaining_seconds", serialize_with = "seconds")]
    pub remaining: Duration,
    /// The approximate size of the entry in its tier, in bytes.
    pub stored_bytes: u64,
    /// Its tags.
    #[serde(serialize_with = "tags")]
    pub tags: Vec<Tag>,
    /// Its position in the invalidation log: the incarnation of the log, `/`, and the id of the
    /// last event that its load knew. If this instance had deferred events, `+` and their number
    /// follow.
    pub position: String,
    /// How long its load took.
    #[serde(rename = "load_seconds", serialize_with = "seconds")]
    pub load_time: Duration,
    /// Whether it is an absence.
    pub is_absence: bool,
}

/// A cached value of any type.
pub(crate) trait ListedValue: Send + Sync {
    fn meta(&self) -> &ValueMeta;

    /// Returns the approximate size in memory, in bytes.
    fn memory_bytes(&self) -> u64;

    /// Whether it may be served at this moment.
    fn state(&self, log: &LogView, now: BootTime) -> StoredState;

    /// Describes the value, which takes this many bytes.
    fn describe(&self, stored_bytes: u64, log: &LogView, now: BootTime) -> ValueInfo;
}

impl<V: Send + Sync> ListedValue for CachedValue<V> {
    fn meta(&self) -> &ValueMeta {
        &self.meta
    }

    fn memory_bytes(&self) -> u64 {
        self.weight()
    }

    fn state(&self, log: &LogView, now: BootTime) -> StoredState {
        let (verdict, confirmed) = log.verdict(self, now);
        StoredState::of(self.candidate(verdict, confirmed, now).permitted_use())
    }

    fn describe(&self, stored_bytes: u64, log: &LogView, now: BootTime) -> ValueInfo {
        let ValueMeta { key, names, position, cost, .. } = &self.meta;
        ValueInfo {
            key: key.to_string(),
            state: self.state(log, now),
            age: self.age(now),
            remaining: Duration::from_nanos(self.nanos_left(now)),
            stored_bytes,
            tags: names.tags().collect(),
            position: position.to_string(),
            load_time: *cost,
            is_absence: self.value.is_none(),
        }
    }
}

/// Returns a value of the shared tier, to be described.
///
/// `local` is the local number of this instance before the store was asked (rule 1).
pub(crate) fn from_store(
    stored: StoredValue,
    local: u64,
    calendar: &StoreCalendar,
    clock: &dyn Clock,
) -> impl ListedValue + use<> {
    let StoredValue { payload, mut meta } = stored;
    meta.position.watermark.local = local;
    meta.loaded_at = calendar.to_own(meta.loaded_at);
    let age = clock.wall().saturating_since(meta.loaded_at);
    let arrival = Arrival { filled_at: None, age, received_at: clock.boot(), weight: 0 };
    CachedValue::new(payload.map(|_| Arc::new(())), meta, arrival)
}
