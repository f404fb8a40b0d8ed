//! The memory tier of responses: stored responses in this process, bounded by bytes.
//!
//! It also remembers facts about keys without a stored response.
//!
//! * [`cached_response`]: a stored response, ready to be served.
//! * [`cached_meta`]: what is known about it.
//! * [`stored_fields`]: its header fields. Those of similar responses share a `field_shape`, whose
//!   texts are each a `constant_text`.
//! * [`stale_response`]: a stored response that is stale, and how it may be used.
//! * [`slot`]: the slots of the memory tier, and their keys.
//! * `add_coded_body`: adds a coded form to a stored response.
//! * [`header_cache`]: the header fields of fresh hits, as each thread rendered them last.
//! * [`oversize_keys`]: the hit-for-miss times of keys whose bodies could not be stored.
//! * [`variation_table`]: the variation hints of the newest responses.
//! * [`listed`] and [`stored_info`]: the stored responses, for operators.
//! * [`refresh_mark`]: the mark of a stored response that is being refreshed, which sets its
//!   `refresh_state`.
//! * [`refill_request`]: the request that fills a stored response again.

mod add_coded_body;
pub(crate) mod cached_meta;
pub(crate) mod cached_response;
mod constant_text;
mod field_shape;
pub(crate) mod header_cache;
pub(crate) mod listed;
mod oversize_keys;
pub(crate) mod refill_request;
pub(crate) mod refresh_mark;
mod refresh_state;
pub(crate) mod slot;
pub(crate) mod stale_response;
pub(crate) mod stored_fields;
pub(crate) mod stored_info;
pub(crate) mod variation_table;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use larder_core::http::vary::{self, SelectingField};
use larder_core::outcome::{MissReason, NotStored};
use larder_core::time::{BootTime, Clock};

use crate::engine::evicted_keys::EvictedKeys;
use crate::engine::memory_tier::MemoryTier;
use crate::engine::report::MemoryUsage;
use crate::http::memory::cached_response::{CachedResponse, HIT_FOR_MISS_TIME};
use crate::http::memory::oversize_keys::OversizeKeys;
use crate::http::memory::slot::{Slot, SlotKey, SlotKeyRef, Variants};

/// The maximum number of bytes in the shared form of a response that its weight does not count.
///
/// These are the request's values of the fields that it varies on.
const MAX_UNWEIGHED: u64 = 64 * 1024;

/// The result of a lookup in the memory tier.
pub(crate) enum MemoryLookup {
    /// No response, and no valid record.
    Absent,
    /// A record that the last response could not be stored. Requests do not wait for the next one.
    HitForMiss,
    /// Only responses to requests with other values in these fields.
    OtherVariants(Arc<Variants>),
    /// A response whose key and selecting fields match the request.
    Found(Arc<CachedResponse>),
}

/// The purpose of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// To serve what is found.
    Serve,
    /// To explain what would be found. It leaves no trace.
    Inspect,
}

/// The responses in this process's memory, and the records of keys without one.
pub(crate) struct ResponseMemory {
    slots: MemoryTier<SlotKey, Slot>,
    /// Whether responses are stored. If not, the slots have only the fields that they vary on.
    max_bytes: u64,
    stores_responses: bool,
    oversize_keys: OversizeKeys,
    evicted: EvictedKeys,
    clock: Arc<dyn Clock>,
}

/// The size of the slots in bytes if no responses are stored.
const FIELDS_SIZE: u64 = 256 * 1024;

/// The reason why requests do not wait for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UncacheableReason {
    /// The head of the last response forbids storing it.
    ///
    /// Requests do not wait for the next response. This lasts for 10 seconds.
    Head,
    /// The body of the last response was too large or did not end in time.
    ///
    /// Requests waited for it in vain, so they do not wait for the next response. This lasts for
    /// 1 minute at first, and for twice as long each further time, up to 1 hour.
    Body,
}

impl UncacheableReason {
    pub(crate) const fn of(reason: NotStored) -> Self {
        match reason {
            NotStored::TooLarge | NotStored::Endless => Self::Body,
            _ => Self::Head,
        }
    }
}

impl ResponseMemory {
    /// Creates an empty memory of this many bytes. The clock dates evictions.
    pub(crate) fn new(bytes: u64, clock: Arc<dyn Clock>) -> Self {
        let stores_responses = bytes > 0;
        let slots = MemoryTier::new(if stores_responses { bytes } else { FIELDS_SIZE });
        let (oversize_keys, evicted) = (OversizeKeys::default(), EvictedKeys::new(bytes));
        Self { slots, stores_responses, max_bytes: bytes, oversize_keys, evicted, clock }
    }

    /// Returns the bound on its size in bytes.
    pub(crate) const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Looks up a request by its key and its header fields.
    #[inline]
    pub(crate) fn find(&self, key: &str, headers: &HeaderMap, now: BootTime) -> MemoryLookup {
        self.find_as(Access::Serve, key, headers, now)
    }

    /// Looks up a request for this purpose. An inspection is no use of what is found.
    #[inline]
    pub(crate) fn find_as(
        &self,
        access: Access,
        key: &str,
        headers: &HeaderMap,
        now: BootTime,
    ) -> MemoryLookup {
        match access {
            Access::Serve => self.find_with(|slot| self.slots.get(slot), key, headers, now),
            Access::Inspect => self.find_with(|slot| self.slots.peek(slot), key, headers, now),
        }
    }

    #[inline]
    fn find_with(
        &self,
        get: impl Fn(&SlotKeyRef<'_>) -> Option<Slot>,
        key: &str,
        headers: &HeaderMap,
        now: BootTime,
    ) -> MemoryLookup {
        match get(&SlotKeyRef { key, variant: 0 }) {
            Some(Slot::Response(cached)) => MemoryLookup::Found(cached),
            Some(Slot::HitForMiss { until }) if now < until => MemoryLookup::HitForMiss,
            None | Some(Slot::HitForMiss { .. }) => MemoryLookup::Absent,
            Some(Slot::Variants(variants)) => {
                let variant = variants.variant_for(headers);
                match get(&SlotKeyRef { key, variant }) {
                    Some(Slot::HitForMiss { until }) if now < until => MemoryLookup::HitForMiss,
                    // Equal digests of 128 bits do not prove that the fields are the same.
                    Some(Slot::Response(cached)) if vary::matches(cached.meta.selecting(), headers) => {
                        MemoryLookup::Found(cached)
                    }
                    _ => MemoryLookup::OtherVariants(variants),
                }
            }
        }
    }

    /// Returns the reason of a miss for a key without a response and without a record.
    pub(crate) fn absence_reason(&self, key: &str, now: BootTime) -> MissReason {
        self.evicted.miss_reason(&SlotKeyRef { key, variant: 0 }, || now)
    }

    /// Returns the reason of a miss for a key that has only responses to other requests.
    pub(crate) fn other_variants_reason(
        &self,
        key: &str,
        headers: &HeaderMap,
        variants: &Variants,
        now: BootTime,
    ) -> MissReason {
        match self.evicted.miss_reason(&SlotKeyRef { key, variant: variants.variant_for(headers) }, || now) {
            MissReason::NeverStored => MissReason::Vary,
            reason => reason,
        }
    }

    /// Stores a response in place of the entry under its key.
    ///
    /// A response with a higher position in the invalidation log is not replaced.
    pub(crate) fn insert(&self, cached: Arc<CachedResponse>) {
        let slots = &self.slots;
        if !self.stores_responses {
            return;
        }
        let key = Arc::clone(&cached.meta.key);
        let variant = cached.variant();
        if matches!(slots.get(&SlotKeyRef { key: &key, variant }), Some(Slot::Response(other)) if cached.is_older_than(&other))
        {
            return;
        }
        self.oversize_keys.forget(&key, variant);
        if variant == 0 {
            return self.put(SlotKey::new(key, 0), Slot::Response(cached));
        }
        let current = self.variants(&key);
        let (variants, dropped) = Variants::with(current.as_deref(), &cached, variant);
        if let Some(dropped) = dropped {
            slots.remove_if(&SlotKeyRef { key: &key, variant: dropped }, |_| true);
        }
        self.put(SlotKey::new(Arc::clone(&key), 0), Slot::Variants(Arc::new(variants)));
        self.put(SlotKey::new(key, variant), Slot::Response(cached));
    }

    /// Puts an entry into a slot, and remembers what was evicted for it.
    fn put(&self, key: SlotKey, slot: Slot) {
        self.evicted.remove(&key);
        for (key, slot) in self.slots.insert(key, slot) {
            self.note_eviction(&key, &slot);
        }
    }

    #[cold]
    fn note_eviction(&self, key: &SlotKey, slot: &Slot) {
        let useful_until = match slot {
            Slot::Response(cached) => {
                cached.count_eviction(self.clock.boot());
                cached.useful_until()
            }
            // The variants have slots of their own, but are not found without this one.
            Slot::Variants(variants) => variants.useful_until,
            Slot::HitForMiss { .. } => None,
        };
        if let Some(useful_until) = useful_until {
            self.evicted.insert(key, useful_until);
        }
    }

    /// Returns the slots under a key: all variants, or the only slot. This is no use of them.
    pub(crate) fn all_of(&self, key: &str) -> Vec<Slot> {
        let slots = &self.slots;
        match slots.peek(&SlotKeyRef { key, variant: 0 }) {
            None => Vec::new(),
            Some(Slot::Variants(variants)) => {
                variants.cached().filter_map(|variant| slots.peek(&SlotKeyRef { key, variant })).collect()
            }
            Some(slot) => vec![slot],
        }
    }

    /// Whether this response is the one under its key. This is no use of it.
    pub(crate) fn contains(&self, cached: &Arc<CachedResponse>) -> bool {
        let slot = self.slots.peek(&SlotKeyRef { key: &cached.meta.key, variant: cached.variant() });
        matches!(slot, Some(Slot::Response(other)) if Arc::ptr_eq(&other, cached))
    }

    /// Returns these fields, and those that responses under this key are known to vary on.
    pub(crate) fn merge_fields(&self, key: &str, fields: Box<[HeaderName]>) -> Box<[HeaderName]> {
        match self.variants(key) {
            Some(variants) => variants.merge_fields(fields),
            None => fields,
        }
    }

    fn variants(&self, key: &str) -> Option<Arc<Variants>> {
        match self.slots.get(&SlotKeyRef { key, variant: 0 }) {
            Some(Slot::Variants(variants)) => Some(variants),
            _ => None,
        }
    }

    /// Remembers the fields that responses under a key vary on, as read from the shared tier.
    ///
    /// Returns them without those that are known from other responses: each response has the
    /// address of its own fields there.
    pub(crate) fn insert_vary_fields(&self, key: &str, fields: Box<[HeaderName]>) -> Arc<Variants> {
        let variants = Arc::new(Variants::of(fields));
        let all = match self.variants(key) {
            None => Arc::clone(&variants),
            Some(known) => match known.merge_fields(variants.fields.clone()) {
                all if all == known.fields => return variants,
                all => Arc::new(Variants::of(all)),
            },
        };
        self.put(SlotKey::new(key.into(), 0), Slot::Variants(all));
        variants
    }

    /// Remembers the fields that a response under a key varies on, before it is stored.
    ///
    /// A stored response that did not vary stays until then.
    pub(crate) fn note_vary_fields(&self, key: &str, selecting: &[SelectingField]) {
        let fields: Box<[HeaderName]> = selecting.iter().map(|(name, _)| name.clone()).collect();
        let is_noted = match self.slots.get(&SlotKeyRef { key, variant: 0 }) {
            Some(Slot::Response(_)) => true,
            Some(Slot::Variants(variants)) => variants.fields == fields,
            Some(Slot::HitForMiss { .. }) | None => false,
        };
        if !is_noted {
            let variants = Arc::new(Variants::of(fields));
            self.put(SlotKey::new(key.into(), 0), Slot::Variants(variants));
        }
    }

    /// Remembers for a while that responses under this key cannot be stored. Returns for how long.
    pub(crate) fn insert_hit_for_miss(
        &self,
        key: &str,
        headers: &HeaderMap,
        reason: UncacheableReason,
        now: BootTime,
    ) -> Duration {
        // A variant that cannot be stored says nothing about the others.
        let variant = self.variants(key).map_or(0, |variants| variants.variant_for(headers));
        let time = match reason {
            UncacheableReason::Head => HIT_FOR_MISS_TIME,
            UncacheableReason::Body => self.oversize_keys.next(key, variant),
        };
        if self.stores_responses {
            let until = now.saturating_add(time);
            self.put(SlotKey::new(key.into(), variant), Slot::HitForMiss { until });
        }
        time
    }

    /// Renews a hit-for-miss record, after another response under this key that cannot be stored.
    ///
    /// If a response was stored meanwhile, it stays. The time does not double: no request waited
    /// for this response.
    pub(crate) fn renew_hit_for_miss(
        &self,
        key: &str,
        headers: &HeaderMap,
        reason: UncacheableReason,
        now: BootTime,
    ) {
        let variant = self.variants(key).map_or(0, |variants| variants.variant_for(headers));
        let time = match reason {
            UncacheableReason::Head => HIT_FOR_MISS_TIME,
            UncacheableReason::Body => self.oversize_keys.last(key, variant),
        };
        let is_due = match self.slots.get(&SlotKeyRef { key, variant }) {
            // Many requests may do this at once. The first one is enough for a while.
            Some(Slot::HitForMiss { until }) => until < now.saturating_add(time / 2),
            Some(Slot::Response(_) | Slot::Variants(_)) => false,
            None => true,
        };
        if is_due && self.stores_responses {
            let until = now.saturating_add(time);
            self.put(SlotKey::new(key.into(), variant), Slot::HitForMiss { until });
        }
    }

    /// Returns the approximate maximum size of a response, in bytes. With 0, none is stored.
    pub(crate) const fn max_response(&self) -> u64 {
        if self.stores_responses { self.slots.max_value() } else { 0 }
    }

    /// Whether it may store a response that takes this many bytes in the shared tier.
    ///
    /// Its size in memory is not known yet, and may be a little smaller.
    pub(crate) const fn may_store(&self, bytes: usize) -> bool {
        self.stores_responses && bytes as u64 <= self.slots.max_value().saturating_add(MAX_UNWEIGHED)
    }

    /// Whether it ever stores responses.
    pub(crate) const fn is_enabled(&self) -> bool {
        self.stores_responses
    }

    /// Removes this response if it is still the one under its key.
    pub(crate) fn remove(&self, cached: &Arc<CachedResponse>) {
        let same = |slot: &Slot| matches!(slot, Slot::Response(other) if Arc::ptr_eq(other, cached));
        self.slots.remove_if(&SlotKeyRef { key: &cached.meta.key, variant: cached.variant() }, same);
    }

    /// Returns the number of slots, and about how many bytes they take.
    pub(crate) fn usage(&self) -> MemoryUsage {
        if self.stores_responses {
            MemoryUsage { entries: self.slots.len(), bytes: self.slots.bytes() }
        } else {
            MemoryUsage { entries: 0, bytes: 0 }
        }
    }
}
