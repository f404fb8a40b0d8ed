//! The stored responses of the memory tier, for operators.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use larder_core::key::list_order::list_order;
use larder_core::time::BootTime;

use crate::engine::listing::filter::StoredFilter;
use crate::engine::listing::list::ListedTable;
use crate::engine::memory_tier::Weigh as _;
use crate::http::memory::ResponseMemory;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::slot::{Slot, SlotKey, SlotKeyRef, Variants};

/// Everything in memory under one key.
#[derive(Default)]
pub(crate) struct KeyEntries {
    pub(crate) responses: Vec<Arc<CachedResponse>>,
    /// The fields that the responses vary on.
    pub(crate) vary: Box<[HeaderName]>,
    /// The digests of the stored variants.
    pub(crate) variants: Vec<u128>,
    /// How long requests will not wait for each other, because responses could not be stored.
    pub(crate) hit_for_miss: Option<Duration>,
}

/// Returns the place of a response in a listing.
pub(crate) fn place(cached: &CachedResponse) -> u128 {
    list_order(&cached.meta.key, cached.variant())
}

impl ListedTable for ResponseMemory {
    type Key = SlotKey;
    type Entry = Arc<CachedResponse>;

    fn name(&self) -> &'static str {
        ""
    }

    fn entries(&self) -> impl Iterator<Item = (SlotKey, Arc<CachedResponse>)> + Send {
        self.slots.iter().filter_map(|(key, slot)| Some((key, slot.into_response()?)))
    }

    fn find(&self, key: &SlotKey) -> Option<Arc<CachedResponse>> {
        self.slots.peek(key)?.into_response()
    }

    fn place(cached: &Arc<CachedResponse>) -> u128 {
        place(cached)
    }

    fn is_shown(filter: &StoredFilter, cached: &Arc<CachedResponse>) -> bool {
        filter.shows(&cached.meta.key, &cached.meta.names)
    }

    fn weigh(key: &SlotKey) -> u64 {
        key.weight()
    }
}

impl ResponseMemory {
    /// Returns all stored responses. This is no use of them.
    pub(crate) fn responses(&self) -> impl Iterator<Item = Arc<CachedResponse>> + '_ {
        self.entries().map(|(_, cached)| cached)
    }

    /// Returns everything under this key. This is no use of it.
    pub(crate) fn entries_of(&self, key: &str, now: BootTime) -> KeyEntries {
        let mut entries = KeyEntries::default();
        let Some(slot) = self.slots.peek(&SlotKeyRef { key, variant: 0 }) else { return entries };
        if let Slot::Variants(variants) = &slot {
            let Variants { fields, .. } = &**variants;
            entries.vary = fields.clone();
            entries.variants = variants.stored().to_vec();
            for variant in variants.stored() {
                if let Some(slot) = self.slots.peek(&SlotKeyRef { key, variant: *variant }) {
                    entries.add(slot, now);
                }
            }
        }
        entries.add(slot, now);
        entries
    }
}

impl KeyEntries {
    /// Whether there is anything under the key.
    pub(crate) fn has_any(&self) -> bool {
        !self.responses.is_empty() || !self.vary.is_empty() || self.hit_for_miss.is_some()
    }

    fn add(&mut self, slot: Slot, now: BootTime) {
        match slot {
            Slot::Response(cached) => self.responses.push(cached),
            Slot::HitForMiss { until } if now < until => {
                self.hit_for_miss = self.hit_for_miss.max(Some(until.saturating_since(now)));
            }
            Slot::HitForMiss { .. } | Slot::Variants(_) => {}
        }
    }
}
