//! The stored responses of the memory tier, for operators.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use larder_core::time::BootTime;

use crate::http::memory::ResponseMemory;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::slot::{Slot, SlotKeyRef, Variants};

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

impl ResponseMemory {
    /// Returns all stored responses. This is no use of them.
    pub(crate) fn responses(&self) -> impl Iterator<Item = Arc<CachedResponse>> + '_ {
        self.slots.iter().filter_map(|(_, slot)| match slot {
            Slot::Response(cached) => Some(cached),
            Slot::Variants(_) | Slot::HitForMiss { .. } => None,
        })
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
