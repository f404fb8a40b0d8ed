//! A stored value in memory.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::lifetime::Lifetime;
use larder_core::outcome::{MissReason, Tier};
use larder_core::time::{BootTime, WallTime};
use larder_core::value::ValueMeta;
use larder_core::value::candidate::ValueCandidate;

use crate::engine::failure_table::Replaceable;
use crate::engine::fill_scope::UsedValue;
use crate::engine::invalidation_log::stamped::Stamped;
use crate::engine::lease::known_fingerprint::KnownFingerprint;
use crate::engine::memory_tier::Weigh;

/// A value or an absence, ready to be served.
pub(super) struct CachedValue<V> {
    /// The value. `None` is an absence.
    pub(super) value: Option<Arc<V>>,
    pub(super) meta: ValueMeta,
    /// The moment at which this process began to load the value.
    ///
    /// `None` if another process may have loaded it (rule 10).
    filled_at: Option<BootTime>,
    /// The age at `received_at`.
    age: Duration,
    received_at: BootTime,
    /// The moment from which the value is stale.
    stale_at: BootTime,
    /// The time that the load took, in nanoseconds.
    pub(super) cost: u64,
    /// The size in bytes, without that of this type.
    weight: u64,
    /// The generation of the invalidation table at which the value was last found valid.
    valid_at_generation: AtomicU64,
    /// The fingerprint of this value in the shared tier.
    pub(super) shared_copy: KnownFingerprint,
}

/// A number that is never a generation of the table.
const NEVER: u64 = u64::MAX;

/// The moment at which a value came, and its size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The moment at which this process began to load the value. `None` if it did not.
    pub(super) filled_at: Option<BootTime>,
    pub(super) age: Duration,
    pub(super) received_at: BootTime,
    /// The weight of the value itself.
    pub(super) weight: u64,
}

impl<V> CachedValue<V> {
    pub(super) fn new(value: Option<Arc<V>>, meta: ValueMeta, arrival: Arrival) -> Self {
        let Arrival { filled_at, age, received_at, weight } = arrival;
        let names = u64::try_from(meta.names.weight() + meta.key.len()).unwrap_or(u64::MAX);
        Self {
            value,
            filled_at,
            age,
            received_at,
            stale_at: received_at.saturating_add(meta.lifetime.fresh.saturating_sub(age)),
            cost: u64::try_from(meta.cost.as_nanos()).unwrap_or(u64::MAX),
            weight: weight.saturating_add(names),
            valid_at_generation: AtomicU64::new(NEVER),
            shared_copy: KnownFingerprint::default(),
            meta,
        }
    }

    /// Returns the moment at which the value came to this process.
    pub(super) const fn received_at(&self) -> BootTime {
        self.received_at
    }

    /// Returns the time since the value was loaded.
    pub(super) fn age(&self, now: BootTime) -> Duration {
        self.age.saturating_add(now.saturating_since(self.received_at))
    }

    /// Returns the moment until which the value can be returned without a wait for a load.
    pub(super) fn useful_until(&self) -> BootTime {
        self.stale_at.saturating_add(self.meta.lifetime.while_revalidate)
    }

    /// Whether the value is fresh, as far as its lifetime decides that.
    ///
    /// A request may have read the clock before another request brought this value. The value must
    /// not count as younger for that request.
    #[inline]
    pub(super) fn is_fresh(&self, now: BootTime) -> bool {
        now.max(self.received_at) < self.stale_at
    }

    /// Returns for how many nanoseconds the value will still be fresh.
    #[inline]
    pub(super) fn nanos_left(&self, now: BootTime) -> u64 {
        self.stale_at.as_nanos().saturating_sub(now.max(self.received_at).as_nanos())
    }

    /// Returns the properties of the value that the rule of its use needs.
    pub(super) fn candidate(&self, verdict: Verdict, confirmed: bool, now: BootTime) -> ValueCandidate {
        ValueCandidate { age: self.age(now), lifetime: self.meta.lifetime, verdict, confirmed }
    }

    /// Returns what this value allows the result of a fill that uses it.
    ///
    /// A value that is not stored limits nothing but the position.
    pub(super) fn used(&self) -> UsedValue {
        let is_stored = self.meta.lifetime != Lifetime::default();
        UsedValue {
            position: self.meta.position,
            filled_at: self.filled_at,
            fresh_until: is_stored.then_some(self.stale_at),
        }
    }

    /// Whether the load of this value began before that of `other`, at a lower log position.
    ///
    /// A slow load must not replace a value that was loaded after an invalidation. Rule 16 makes
    /// the same comparison for the shared tier.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let (own, other) = (&self.meta.position, &other.meta.position);
        own != other && own.incarnation == other.incarnation && other.watermark.covers(own.watermark)
    }
}

impl<V> Stamped for CachedValue<V> {
    #[inline]
    fn position(&self) -> &Position {
        &self.meta.position
    }

    #[inline]
    fn names(&self) -> &Names {
        &self.meta.names
    }

    #[inline]
    fn filled_at(&self) -> Option<BootTime> {
        self.filled_at
    }

    #[inline]
    fn valid_at(&self) -> &AtomicU64 {
        &self.valid_at_generation
    }
}

impl<V> Replaceable for CachedValue<V> {
    fn place(&self) -> impl Hash {
        &*self.meta.key
    }

    fn arrived_at(&self) -> WallTime {
        self.meta.loaded_at
    }
}

impl<V> Weigh for CachedValue<V> {
    fn weight(&self) -> u64 {
        self.weight.saturating_add(size_of::<Self>() as u64)
    }
}

impl<V> Weigh for Arc<CachedValue<V>> {
    fn weight(&self) -> u64 {
        (**self).weight()
    }
}

/// A stale value, and how it may be used.
pub(super) struct StaleValue<V> {
    pub(super) cached: Arc<CachedValue<V>>,
    pub(super) tier: Tier,
    pub(super) reason: MissReason,
    /// Whether it may be served during a refresh.
    pub(super) while_revalidate: bool,
}

impl<V> Clone for StaleValue<V> {
    fn clone(&self) -> Self {
        let Self { tier, reason, while_revalidate, .. } = *self;
        Self { cached: Arc::clone(&self.cached), tier, reason, while_revalidate }
    }
}
