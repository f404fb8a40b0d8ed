//! The slots of the memory tier, and their keys.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use larder_core::http::vary;
use larder_core::time::BootTime;
use quick_cache::Equivalent;

use crate::engine::allocated_size::{PLACE, allocated, allocated_arc};
use crate::engine::memory_tier::Weigh;
use crate::http::memory::cached_response::CachedResponse;

/// The entry for a key, or for one variant of a key.
#[derive(Clone)]
pub(crate) enum Slot {
    /// A response.
    Response(Arc<CachedResponse>),
    /// The variants of responses that vary. Each variant has a slot of its own.
    Variants(Arc<Variants>),
    /// A hit-for-miss record: responses under this key or variant cannot be stored.
    HitForMiss { until: BootTime },
}

impl Slot {
    /// Returns the stored response, if it is one.
    pub(super) fn into_response(self) -> Option<Arc<CachedResponse>> {
        match self {
            Self::Response(cached) => Some(cached),
            Self::Variants(_) | Self::HitForMiss { .. } => None,
        }
    }
}

/// The fields that the responses under a key vary on, and the stored variants.
pub(crate) struct Variants {
    pub(crate) fields: Box<[HeaderName]>,
    /// The digests of the stored variants, the oldest first.
    cached: Vec<u128>,
    /// The moment until which one of the stored variants is of use.
    pub(super) useful_until: Option<BootTime>,
}

/// The maximum number of stored variants of one key. A further variant replaces the oldest.
///
/// Without this limit, a client could make up field values and fill the memory with one page.
pub(super) const MAX_VARIANTS: usize = 64;

impl Variants {
    pub(crate) const fn of(fields: Box<[HeaderName]>) -> Self {
        Self { fields, cached: Vec::new(), useful_until: None }
    }

    /// Returns the digests of the stored variants.
    pub(super) fn cached(&self) -> impl Iterator<Item = u128> {
        self.cached.iter().copied()
    }

    fn weight(&self) -> u64 {
        let own = allocated_arc(size_of::<Self>()) + allocated(size_of_val(&*self.fields));
        (own + allocated(self.cached.capacity() * size_of::<u128>())) as u64
    }

    /// Returns the digest of the variant that a request with these fields selects.
    pub(crate) fn variant_for(&self, headers: &HeaderMap) -> u128 {
        vary::digest_of_request(&self.fields, headers)
    }

    /// Returns the digests of the stored variants.
    pub(super) fn stored(&self) -> &[u128] {
        &self.cached
    }

    /// Returns `fields` and the fields of these variants, sorted and without duplicates.
    pub(super) fn merge_fields(&self, fields: Box<[HeaderName]>) -> Box<[HeaderName]> {
        let mut all = fields.into_vec();
        all.extend_from_slice(&self.fields);
        all.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        all.dedup();
        all.into()
    }

    /// Returns the variants with a response added, and the variant that is dropped to make room.
    ///
    /// A response may vary on other fields than earlier responses. The fields of both are then
    /// [merged](Self::merge_fields). Earlier variants are no longer found, and age out.
    pub(super) fn with(
        current: Option<&Self>,
        response: &CachedResponse,
        variant: u128,
    ) -> (Self, Option<u128>) {
        let selecting = response.meta.selecting();
        let fields: Box<[HeaderName]> = selecting.iter().map(|(name, _)| name.clone()).collect();
        let mut cached = match current {
            Some(current) if current.fields == fields => current.cached.clone(),
            _ => Vec::new(),
        };
        cached.retain(|other| *other != variant);
        cached.push(variant);
        let dropped = (cached.len() > MAX_VARIANTS).then(|| cached.remove(0));
        let useful_until = current.and_then(|current| current.useful_until).max(response.useful_until());
        (Self { fields, cached, useful_until }, dropped)
    }
}

/// The key of a slot: an encoded cache key, and the digest of a variant, or zero without one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SlotKey {
    /// The text of the response itself, so that it is stored once.
    key: Arc<str>,
    /// The digest, in two halves. A `u128` would be aligned to 16 bytes, which makes each place of
    /// the table larger.
    variant: [u64; 2],
}

impl SlotKey {
    pub(super) fn new(key: Arc<str>, variant: u128) -> Self {
        Self { key, variant: halves(variant) }
    }

    pub(super) fn borrowed(&self) -> SlotKeyRef<'_> {
        let [high, low] = self.variant.map(u128::from);
        SlotKeyRef { key: &self.key, variant: high << 64 | low }
    }
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // These are the two halves.
const fn halves(variant: u128) -> [u64; 2] {
    [(variant >> 64) as u64, variant as u64]
}

/// A borrowed [`SlotKey`], so that a lookup allocates nothing.
pub(super) struct SlotKeyRef<'a> {
    pub(super) key: &'a str,
    pub(super) variant: u128,
}

impl Hash for SlotKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Hash for SlotKeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
        // Most keys have no variants. A hit is faster if it does not hash the zero.
        if self.variant != 0 {
            self.variant.hash(state);
        }
    }
}

impl Equivalent<SlotKey> for SlotKeyRef<'_> {
    fn equivalent(&self, key: &SlotKey) -> bool {
        halves(self.variant) == key.variant && *self.key == *key.key
    }
}

impl Weigh for SlotKey {
    fn weight(&self) -> u64 {
        (PLACE + size_of::<Self>() + allocated_arc(self.key.len())) as u64
    }
}

impl Weigh for Slot {
    fn weight(&self) -> u64 {
        let rest = match self {
            Self::Response(cached) => cached.weight(),
            Self::Variants(variants) => variants.weight(),
            Self::HitForMiss { .. } => 0,
        };
        size_of::<Self>() as u64 + rest
    }
}
