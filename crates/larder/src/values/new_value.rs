//! A value that a load or a write has brought, on its way into the cache.

use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::lifetime::Lifetime;
use larder_core::outcome::NotStored;
use larder_core::time::{BootTime, WallTime};
use larder_core::value::ValueMeta;

use crate::values::cached_value::{Arrival, CachedValue};
use crate::values::collection_state::Collection;
use crate::values::encoded_value::EncodedValue;
use crate::values::value_key::ValueKey;

/// A value or an absence, with everything that it is stored with.
pub(super) struct NewValue<V> {
    pub(super) value: Option<Arc<V>>,
    /// The encoded key.
    pub(super) text: Box<str>,
    pub(super) names: Names,
    pub(super) position: Position,
    /// The moment at which this process began to load the value. `None` if it did not (rule 10).
    pub(super) filled_at: Option<BootTime>,
    pub(super) loaded_at: WallTime,
    pub(super) lifetime: Lifetime,
    pub(super) cost: Duration,
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Returns the form of a new value in memory. It arrives at `now`.
    pub(super) fn to_cached(
        &self,
        new: NewValue<V>,
        encoded: &EncodedValue,
        now: BootTime,
    ) -> Arc<CachedValue<V>> {
        let NewValue { value, text, names, position, filled_at, loaded_at, lifetime, cost } = new;
        let weight = value.as_ref().map_or(0, |value| self.weigh(value, encoded.len()));
        let meta = ValueMeta {
            key: text,
            names,
            position,
            loaded_at,
            lifetime,
            cost,
            schema: self.options.schema,
            format: self.functions.codec.format(),
        };
        let arrival = Arrival { filled_at, age: Duration::ZERO, received_at: now, weight };
        Arc::new(CachedValue::new(value, meta, arrival))
    }

    /// Records whether a new value that the log allows is in one of the tiers, and returns that.
    pub(super) fn record_kept(&self, key: &K, cached: &Arc<CachedValue<V>>, is_shared: bool) -> bool {
        let is_kept = is_shared || self.is_in_memory(key, cached);
        self.counters.store_decision(if is_kept { Ok(()) } else { Err(NotStored::TooLarge) });
        is_kept
    }
}
