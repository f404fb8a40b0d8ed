//! The memory tier: stored responses in this process, bounded by bytes.

pub(crate) mod cached_response;
mod equivalent_uris;
mod header_cache;
mod oversize_keys;
pub(crate) mod slot;
pub(crate) mod stale_response;
pub(crate) mod variation_table;

#[cfg(test)]
mod tests;

use crate::http::memory::slot::{Slot, Variants};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use larder_core::http::vary;
use larder_core::outcome::NotStored;
use larder_core::time::Boot;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder};

use crate::http::memory::cached_response::Held;
use crate::http::memory::oversize_keys::LongPasses;
use crate::http::memory::slot::ByWeight;
use crate::http::memory::slot::SlotKey;
use crate::http::memory::slot::SlotName;

/// What the memory tier knows about a request.
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// The last responses could not be stored: nobody should wait for the next.
    Pass,
    /// Responses to requests with other values in these fields.
    OtherVariants(Arc<Variants>),
    /// A response to such a request.
    Held(Arc<Held>),
}

/// The responses in this process's memory, and what is known of the keys without one.
pub(crate) struct Memory {
    /// `None` if nothing is to be kept in memory.
    slots: Option<Cache<SlotKey, Slot, ByWeight>>,
    long_passes: LongPasses,
    #[cfg(feature = "metrics")]
    told: crate::engine::report::metrics::Held,
}

/// For sizing the table alone; it grows.
const TYPICAL_RESPONSE: u64 = 4 * 1024;
/// The table is divided into shards, so that not all wait for one lock, and no response may take more than one of them
/// holds. On a machine with many cores the usual number of shards would shut large responses out.
const SMALLEST_SHARD: u64 = 4 * 1024 * 1024;
const SHARDS_PER_CORE: usize = 4;
/// For so long nobody waits for a key whose responses cannot be stored.
const PASS_TIME: Duration = Duration::from_secs(10);

/// The reason for which requests do not wait for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PassReason {
    /// The head of the last response forbids to store it. For ten seconds no request waits.
    Head,
    /// The body of the last response was too large, or did not end in time, and was waited for. For a minute no request waits,
    /// and for twice as long each further time, up to an hour.
    Body,
}

impl PassReason {
    pub(crate) const fn of(reason: NotStored) -> Self {
        match reason {
            NotStored::TooLarge | NotStored::Endless => Self::Body,
            _ => Self::Head,
        }
    }
}

impl Memory {
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            slots: (bytes > 0).then(|| slots(bytes)).flatten(),
            long_passes: LongPasses::default(),
            #[cfg(feature = "metrics")]
            told: crate::engine::report::metrics::Held::default(),
        }
    }

    /// Looks a request up.
    #[inline]
    pub(crate) fn find(&self, key: &str, headers: &HeaderMap, now: Boot) -> Found {
        let Some(slots) = &self.slots else {
            return Found::Nothing;
        };
        match slots.get(&SlotName { key, variant: 0 }) {
            Some(Slot::Held(held)) => Found::Held(held),
            Some(Slot::Pass { until }) if now < until => Found::Pass,
            None | Some(Slot::Pass { .. }) => Found::Nothing,
            Some(Slot::Variants(variants)) => {
                let variant = variants.of_request(headers);
                match slots.get(&SlotName { key, variant }) {
                    Some(Slot::Pass { until }) if now < until => Found::Pass,
                    // 128 bits of a digest are no proof that the fields are the same.
                    Some(Slot::Held(held)) if vary::matches(&held.meta.selecting, headers) => {
                        Found::Held(held)
                    }
                    _ => Found::OtherVariants(variants),
                }
            }
        }
    }

    /// Keeps a response, in place of what was known under its key, unless that knows more of the log.
    pub(crate) fn insert(&self, held: Arc<Held>) {
        let Some(slots) = &self.slots else { return };
        let key = held.meta.key.clone();
        let variant = held.variant();
        if matches!(slots.get(&SlotName { key: &key, variant }), Some(Slot::Held(known)) if held.is_older_than(&known))
        {
            return;
        }
        self.long_passes.forget(&key, variant);
        if variant == 0 {
            slots.insert(SlotKey { key, variant: 0 }, Slot::Held(held));
            return self.changed();
        }
        let known = self.variants(&key);
        let (variants, dropped) = Variants::with(known.as_deref(), &held.meta.selecting, variant);
        if let Some(dropped) = dropped {
            slots.remove(&SlotName { key: &key, variant: dropped });
        }
        slots.insert(SlotKey { key: key.clone(), variant: 0 }, Slot::Variants(Arc::new(variants)));
        slots.insert(SlotKey { key, variant }, Slot::Held(held));
        self.changed();
    }

    /// These fields, and those that responses under this key are known to vary on.
    pub(crate) fn fields_with(&self, key: &str, fields: Box<[HeaderName]>) -> Box<[HeaderName]> {
        match self.variants(key) {
            Some(known) => known.fields_with(fields),
            None => fields,
        }
    }

    fn variants(&self, key: &str) -> Option<Arc<Variants>> {
        match self.slots.as_ref()?.get(&SlotName { key, variant: 0 }) {
            Some(Slot::Variants(variants)) => Some(variants),
            _ => None,
        }
    }

    /// Remembers which fields the responses under a key vary on, as the shared tier tells it.
    pub(crate) fn insert_fields(&self, key: &str, fields: Box<[HeaderName]>) -> Arc<Variants> {
        let variants = Arc::new(Variants::of(fields));
        if let Some(slots) = &self.slots {
            slots.insert(SlotKey { key: key.into(), variant: 0 }, Slot::Variants(Arc::clone(&variants)));
            self.changed();
        }
        variants
    }

    /// Remembers for a while that responses under this key cannot be stored. Returns for how long.
    pub(crate) fn insert_pass(
        &self,
        key: &str,
        headers: &HeaderMap,
        reason: PassReason,
        now: Boot,
    ) -> Duration {
        // One variant that cannot be stored says nothing about the others.
        let variant = self.variants(key).map_or(0, |variants| variants.of_request(headers));
        let time = match reason {
            PassReason::Head => PASS_TIME,
            PassReason::Body => self.long_passes.next(key, variant),
        };
        if let Some(slots) = &self.slots {
            slots
                .insert(SlotKey { key: key.into(), variant }, Slot::Pass { until: now.saturating_add(time) });
            self.changed();
        }
        time
    }

    /// Whether it keeps anything at all.
    pub(crate) const fn keeps(&self) -> bool {
        self.slots.is_some()
    }

    /// Forgets this very response, if it is still the one under its key.
    pub(crate) fn remove(&self, held: &Arc<Held>) {
        let Some(slots) = &self.slots else { return };
        let same = |slot: &Slot| matches!(slot, Slot::Held(known) if Arc::ptr_eq(known, held));
        slots.remove_if(&SlotName { key: &held.meta.key, variant: held.variant() }, same);
        self.changed();
    }

    /// How many responses are held, with what is known about keys without one.
    pub(crate) fn len(&self) -> u64 {
        self.slots.as_ref().map_or(0, |slots| slots.len() as u64)
    }

    /// About how many bytes they take.
    pub(crate) fn bytes(&self) -> u64 {
        self.slots.as_ref().map_or(0, Cache::weight)
    }

    /// What is held has changed.
    #[allow(clippy::unused_self)] // Only metrics want to know at once.
    fn changed(&self) {
        #[cfg(feature = "metrics")]
        self.told.tell(self.len(), self.bytes());
    }
}

/// A table for this many bytes; `None` if that is none, which the caller knows before.
fn slots(bytes: u64) -> Option<Cache<SlotKey, Slot, ByWeight>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let expected = usize::try_from(bytes / TYPICAL_RESPONSE).unwrap_or(usize::MAX);
    let options = OptionsBuilder::new()
        .estimated_items_capacity(expected.max(16))
        .weight_capacity(bytes)
        .shards(shards(bytes, cores))
        .build()
        .ok()?;
    let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
    Some(Cache::with_options(options, ByWeight, hasher, lifecycle))
}

/// A power of two, so that it is not rounded up.
fn shards(bytes: u64, cores: usize) -> usize {
    let most = usize::try_from(bytes / SMALLEST_SHARD).unwrap_or(usize::MAX).max(1);
    let wanted = cores.saturating_mul(SHARDS_PER_CORE).next_power_of_two();
    if wanted <= most { wanted } else { 1 << most.ilog2() }
}
