//! The parts of a collection, shared by its handles and its background tasks.

use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use larder_core::invalidation::names::Names;
use larder_core::invalidation::selector::{Selector, Tag};
use larder_core::invalidation::table::Verdict;
use larder_core::outcome::{MissReason, Outcome, StaleReason, Tier};
use larder_core::time::BootTime;
use quick_cache::Equivalent;

use crate::engine::coalesce::reads::SharedReads;
use crate::engine::evicted_keys::EvictedKeys;
use crate::engine::failure_table::FailureTable;
use crate::engine::fill_scope::{FillScope, UsedValue};
use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::engine::memory_tier::{MemoryTier, Weigh};
use crate::engine::report::MemoryUsage;
use crate::engine::report::value_counters::ValueCounters;
use crate::engine::shared::Engine;
use crate::values::cached_value::CachedValue;
use crate::values::codec::AnyCodec;
use crate::values::collection_policy::{CollectionPolicy, WriteBehindPolicy};
use crate::values::error_table::ErrorTable;
use crate::values::listed_value::ListedValue;
use crate::values::load_error::SharedError;
use crate::values::shared_read::SharedRead;
use crate::values::value_event::ValueFlights;
use crate::values::value_key::ValueKey;
use crate::values::value_options::{HasFunctions, ValueOptions};
use crate::values::value_table::{AnyKey, MemoryUse};

/// The parts of one collection.
pub(super) struct Collection<K, V> {
    pub(super) engine: Arc<Engine>,
    pub(super) name: Box<str>,
    pub(super) options: ValueOptions,
    pub(super) functions: Functions<K, V>,
    pub(super) memory: ValueMemory<K, V>,
    pub(super) evicted: EvictedKeys,
    pub(super) flights: ValueFlights<V>,
    /// The reads of the shared tier that are under way. Requests that share one share its value.
    pub(super) reads: SharedReads<SharedRead<V>>,
    pub(super) failures: FailureTable,
    pub(super) errors: ErrorTable<K>,
    pub(super) counters: Arc<ValueCounters>,
    /// The options of the writes, if they are queued.
    pub(super) write_behind: OnceLock<WriteBehindPolicy>,
}

/// The user's functions.
pub(super) struct Functions<K, V> {
    pub(super) codec: Box<dyn AnyCodec<V>>,
    pub(super) tags: Option<TagsFn<K, V>>,
    pub(super) weigh: Option<WeighFn<V>>,
    /// The names that a write invalidates besides the key.
    pub(super) also_invalidates: Option<WriteNamesFn<K>>,
    pub(super) loader: Option<LoaderFn<K, V>>,
}

pub(super) type TagsFn<K, V> = Box<dyn Fn(&K, Option<&V>) -> Vec<Tag> + Send + Sync>;
pub(super) type WeighFn<V> = Box<dyn Fn(&V) -> u64 + Send + Sync>;
pub(super) type WriteNamesFn<K> = Box<dyn Fn(&K) -> Invalidation + Send + Sync>;
pub(super) type LoaderFn<K, V> = Arc<dyn Fn(K) -> LoadFuture<V> + Send + Sync>;
/// A load of the collection's loader.
pub(super) type LoadFuture<V> = Pin<Box<dyn Future<Output = Result<Option<V>, SharedError>> + Send>>;

pub(super) type ValueMemory<K, V> = MemoryTier<ValueSlot<K>, Arc<CachedValue<V>>>;

/// A key in the memory tier. The size of its text counts with the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ValueSlot<K>(pub(super) K);

impl<K> Weigh for ValueSlot<K> {
    fn weight(&self) -> u64 {
        size_of::<K>() as u64
    }
}

/// A key for a lookup in the memory tier.
struct SlotRef<'a, K>(&'a K);

impl<K: Hash> Hash for SlotRef<'_, K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Hash + Eq> Equivalent<ValueSlot<K>> for SlotRef<'_, K> {
    fn equivalent(&self, key: &ValueSlot<K>) -> bool {
        *self.0 == key.0
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Returns the value in memory, whatever its state.
    #[inline]
    pub(super) fn in_memory(&self, key: &K) -> Option<Arc<CachedValue<V>>> {
        self.memory.get(&SlotRef(key))
    }

    /// Stores a value in memory, unless the log refuses it.
    ///
    /// Returns `false` if it does. A value with a higher position in the log is not replaced.
    ///
    /// Rule 11: "On insert: load the generation, then check, then insert."
    pub(super) fn insert(&self, key: &K, cached: &Arc<CachedValue<V>>, now: BootTime) -> bool {
        let (verdict, _) = self.engine.log.verdict(&**cached, now);
        if verdict == Verdict::Refused {
            return false;
        }
        if !self.in_memory(key).is_some_and(|other| cached.is_older_than(&other)) {
            self.put(ValueSlot(key.clone()), Arc::clone(cached), now);
        }
        true
    }

    /// Puts a value into memory, and remembers what was evicted for it.
    fn put(&self, slot: ValueSlot<K>, cached: Arc<CachedValue<V>>, now: BootTime) {
        self.evicted.remove(&slot);
        for (slot, cached) in self.memory.insert(slot, cached) {
            self.counters.evicted(cached.age(now));
            self.evicted.insert(&slot, cached.useful_until());
        }
    }

    /// Returns the reason of a miss for a value that is not in memory.
    pub(super) fn absence_reason(&self, key: &K) -> MissReason {
        self.evicted.miss_reason(&SlotRef(key), || self.engine.clock.boot())
    }

    /// Whether this value is the one under its key in memory.
    pub(super) fn is_in_memory(&self, key: &K, cached: &Arc<CachedValue<V>>) -> bool {
        self.memory.peek(&SlotRef(key)).is_some_and(|other| Arc::ptr_eq(&other, cached))
    }

    /// Whether values are stored in memory at all.
    pub(super) const fn has_memory(&self) -> bool {
        self.options.memory_bytes > 0
    }

    /// Returns the names of a value with these tags.
    pub(super) fn names(&self, text: &str, key: &K, value: Option<&V>) -> Names {
        let tags = self.functions.tags.as_ref().map(|tags| tags(key, value));
        Names::of_value(text, &tags.unwrap_or_default())
    }

    /// Returns what a write of the value with this name invalidates.
    ///
    /// The name is the encoded key. Without the key itself, only this name is invalidated. It is
    /// named hard: a soft event would leave the old value for use on errors.
    pub(super) fn names_of_write(&self, name: &str, key: Option<&K>) -> Invalidation {
        let mut all = Invalidation::of(Selector::Key(name.into()));
        all.extend(self.functions.also_invalidates.as_ref().zip(key).map(|(names, key)| names(key)));
        all
    }

    /// Records a fresh hit in memory that began at `now`.
    #[inline]
    pub(super) fn record_hit(&self, cached: &CachedValue<V>, now: BootTime) {
        if let Some(weight) = self.counters.hit(Tier::Memory, cached.cost).weight() {
            self.record_sample(cached, now, weight);
        }
    }

    /// Records the time of a hit and the age of its value, on behalf of `weight` hits.
    #[cold]
    fn record_sample(&self, cached: &CachedValue<V>, began: BootTime, weight: u64) {
        let now = self.engine.clock.boot();
        self.counters.record_time(now.saturating_since(began), weight);
        self.counters.record_age(cached.age(now), weight);
    }

    /// Records a request that got this value, and notes the use in the fill that it belongs to.
    pub(super) fn record_use(&self, cached: &CachedValue<V>, outcome: Outcome) {
        match outcome {
            Outcome::Hit(tier) => {
                let now = match tier {
                    Tier::Memory => self.engine.clock.boot(),
                    // It has just come. A request for many values would read the clock for each.
                    Tier::Shared => cached.received_at(),
                };
                self.counters.record_saving(outcome, cached.cost);
                self.counters.record_age(cached.age(now), 1);
            }
            Outcome::Stale(_, reason) if reason != StaleReason::IfError => {
                self.counters.record_saving(outcome, cached.cost);
            }
            _ => self.counters.record(outcome),
        }
        note_use(|| cached.used());
    }

    /// Records a request that found nothing.
    pub(super) fn record_miss(&self, reason: MissReason) {
        self.counters.record(Outcome::Miss(reason));
    }
}

/// Notes the use of a value in the fill that the current task runs for, if there is one.
#[inline]
pub(super) fn note_use(used: impl FnOnce() -> UsedValue) {
    if let Some(scope) = FillScope::current() {
        scope.note(used());
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> MemoryUse for Collection<K, V> {
    fn usage(&self) -> MemoryUsage {
        MemoryUsage { entries: self.memory.len(), bytes: self.memory.bytes() }
    }

    fn policy(&self) -> CollectionPolicy {
        let Functions { loader, tags, also_invalidates, .. } = &self.functions;
        let has = HasFunctions {
            loader: loader.is_some(),
            tags: tags.is_some(),
            invalidations: also_invalidates.is_some(),
        };
        self.options.describe(&self.name, has, self.write_behind.get().copied())
    }

    fn values(&self) -> Box<dyn Iterator<Item = Arc<dyn ListedValue>> + Send + '_> {
        Box::new(self.memory.iter().map(|(_, cached)| cached as Arc<dyn ListedValue>))
    }

    fn entries(&self) -> Box<dyn Iterator<Item = (AnyKey, Arc<dyn ListedValue>)> + Send + '_> {
        Box::new(self.memory.iter().map(|(slot, cached)| (Box::new(slot.0) as AnyKey, cached as _)))
    }

    fn find(&self, key: &AnyKey) -> Option<Arc<dyn ListedValue>> {
        let key = key.downcast_ref::<K>()?;
        self.memory.peek(&SlotRef(key)).map(|cached| cached as _)
    }
}
