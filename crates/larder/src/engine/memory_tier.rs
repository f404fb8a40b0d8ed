//! The memory tier: values in the memory of this process, bounded by their size in bytes.

use std::hash::Hash;

use quick_cache::sync::{Cache, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, Equivalent, Lifecycle, OptionsBuilder, Weighter};

/// The assumed size of a value in bytes.
///
/// The table remembers half as many evicted keys as values of this size fit into it. A value that
/// comes back under such a key is kept like one that was used more than once.
const TYPICAL_VALUE: u64 = 2 * 1024;
/// The minimum size of a shard in bytes.
///
/// The table is divided into shards, so that not all requests wait for one lock. No value may be
/// larger than a shard. On a machine with many cores, the usual number of shards would exclude
/// large values.
const MIN_SHARD: u64 = 4 * 1024 * 1024;
const SHARDS_PER_CORE: usize = 4;
/// The part of a shard for values that were used more than once, in percent.
///
/// New values wait for their second use in the rest. No value may be larger than this part. With
/// 97, values that are popular for a short time are evicted too soon: docs/PERFORMANCE.md has hit
/// ratios.
const HOT_PERCENT: u64 = 90;

/// A key or a value with a size in memory.
pub(crate) trait Weigh {
    /// Returns the approximate size in bytes.
    fn weight(&self) -> u64;
}

/// A table of values. When it is full, it drops the values that are used least.
pub(crate) struct MemoryTier<K, V> {
    /// The table. `None` if nothing is stored in memory.
    table: Option<Table<K, V>>,
    /// The maximum size of a value, in bytes.
    max_value: u64,
    #[cfg(feature = "metrics")]
    gauge: crate::engine::report::metrics::MemoryGauge,
}

type Table<K, V> = Cache<K, V, ByteWeighter, DefaultHashBuilder, CollectEvicted>;

impl<K: Eq + Hash + Weigh, V: Clone + Weigh> MemoryTier<K, V> {
    /// Creates an empty memory tier of this many bytes. With 0 it never stores anything.
    pub(crate) fn new(bytes: u64) -> Self {
        let shards = shards(bytes, cores());
        Self {
            table: (bytes > 0).then(|| table(bytes, shards)).flatten(),
            max_value: max_value(bytes, shards),
            #[cfg(feature = "metrics")]
            gauge: crate::engine::report::metrics::MemoryGauge::default(),
        }
    }

    /// Returns the maximum size of a value, in bytes.
    pub(crate) const fn max_value(&self) -> u64 {
        self.max_value
    }

    /// Returns the value under this key.
    #[inline]
    pub(crate) fn get<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<V> {
        self.table.as_ref()?.get(key)
    }

    /// Returns the value under this key, without counting that as a use of it.
    pub(crate) fn peek<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<V> {
        self.table.as_ref()?.peek(key)
    }

    /// Returns all entries, without counting that as a use of them.
    ///
    /// A shard is locked for one entry at a time. Entries that come or go meanwhile may be missing.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, V)> + '_
    where
        K: Clone,
    {
        self.table.iter().flat_map(|table| table.iter())
    }

    /// Stores a value under this key, and replaces the one that was there.
    ///
    /// Returns the entries that were evicted to make room. A value that is too large is not stored.
    #[must_use = "evictions are counted"]
    pub(crate) fn insert(&self, key: K, value: V) -> Vec<(K, V)> {
        let Some(table) = &self.table else { return Vec::new() };
        let mut dropped = Dropped::default();
        if key.weight().saturating_add(value.weight()) > self.max_value {
            table.remove(&key);
        } else {
            table.insert_with_lifecycle(key, value, &mut dropped);
        }
        self.changed();
        dropped.evicted
    }

    /// Changes the value under this key in place. `update` returns what it has done.
    ///
    /// The size may change, but must not exceed [`max_value`](Self::max_value). Returns `None`
    /// without a value. This evicts nothing: the next insertion does.
    pub(crate) fn update<T>(&self, key: &K, update: impl FnOnce(&mut V) -> T) -> Option<T>
    where
        K: Clone,
    {
        // An entry that is vacant would be reserved for a moment.
        let table = self.table.as_ref().filter(|table| table.contains_key(key))?;
        let updated = match table.entry(key, None, |_, value| EntryAction::Retain(update(value))) {
            EntryResult::Retained(updated) => Some(updated),
            _ => None,
        };
        self.changed();
        updated
    }

    /// Removes the value under this key if `is_it` returns `true` for it.
    pub(crate) fn remove_if<Q: Hash + Equivalent<K>>(&self, key: &Q, is_it: impl Fn(&V) -> bool) {
        if let Some(table) = &self.table {
            table.remove_if(key, is_it);
            self.changed();
        }
    }

    /// Returns the number of values.
    pub(crate) fn len(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.len() as u64)
    }

    /// Returns the approximate size of all entries in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.table.as_ref().map_or(0, Cache::weight)
    }

    #[allow(clippy::unused_self)] // Only the metrics use it.
    fn changed(&self) {
        #[cfg(feature = "metrics")]
        self.gauge.set(self.len(), self.bytes());
    }
}

/// Creates a table of this many bytes. Returns `None` only for zero bytes.
fn table<K: Eq + Hash + Weigh, V: Clone + Weigh>(bytes: u64, shards: usize) -> Option<Table<K, V>> {
    let expected = usize::try_from(bytes / TYPICAL_VALUE).unwrap_or(usize::MAX);
    let options = OptionsBuilder::new()
        .estimated_items_capacity(expected.max(16))
        .weight_capacity(bytes)
        .shards(shards)
        .hot_allocation(HOT_PERCENT as f64 / 100.0)
        .build()
        .ok()?;
    Some(Cache::with_options(options, ByteWeighter, DefaultHashBuilder::default(), CollectEvicted))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Returns the maximum size of a value in a table of this many bytes.
const fn max_value(bytes: u64, shards: usize) -> u64 {
    // Divided first, so that no size overflows.
    let shard = bytes / shards as u64;
    shard / 100 * HOT_PERCENT + shard % 100 * HOT_PERCENT / 100
}

/// Returns the number of shards. It is a power of two, so the table does not round it up.
fn shards(bytes: u64, cores: usize) -> usize {
    let most = usize::try_from(bytes / MIN_SHARD).unwrap_or(usize::MAX).max(1);
    let wanted = cores.saturating_mul(SHARDS_PER_CORE).next_power_of_two();
    if wanted <= most { wanted } else { 1 << most.ilog2() }
}

/// Weighs entries in bytes.
#[derive(Clone)]
struct ByteWeighter;

impl<K: Weigh, V: Weigh> Weighter<K, V> for ByteWeighter {
    fn weight(&self, key: &K, value: &V) -> u64 {
        key.weight() + value.weight()
    }
}

/// Collects what an insertion drops, so that it is dropped after the lock of the shard is released.
#[derive(Clone)]
struct CollectEvicted;

/// The entries that one insertion dropped.
struct Dropped<K, V> {
    evicted: Vec<(K, V)>,
    replaced: Option<(K, V)>,
    /// Whether the next entry is evicted. Otherwise it is replaced by a value under the same key.
    is_eviction: bool,
}

impl<K, V> Default for Dropped<K, V> {
    fn default() -> Self {
        Self { evicted: Vec::new(), replaced: None, is_eviction: false }
    }
}

impl<K, V> Lifecycle<K, V> for CollectEvicted {
    type RequestState = Dropped<K, V>;

    /// Is called for evicted entries alone, right before [`on_evict`](Self::on_evict).
    fn before_evict(&self, dropped: &mut Dropped<K, V>, _: &K, _: &mut V) {
        dropped.is_eviction = true;
    }

    fn on_evict(&self, dropped: &mut Dropped<K, V>, key: K, value: V) {
        if std::mem::take(&mut dropped.is_eviction) {
            dropped.evicted.push((key, value));
        } else {
            dropped.replaced = Some((key, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_shard_holds_large_responses_however_many_cores_there_are() {
        for (bytes, cores, expected) in [
            (64 * MIB, 1, 4),
            (64 * MIB, 2, 8),
            (64 * MIB, 3, 16),
            (64 * MIB, 64, 16),
            (100 * MIB, 64, 16),
            (MIB, 64, 1),
            (1, 1, 1),
            (u64::MAX, 4, 16),
        ] {
            assert_eq!(shards(bytes, cores), expected, "{bytes} bytes, {cores} cores");
        }
    }

    #[derive(Clone)]
    struct Size(u64);

    impl Weigh for Size {
        fn weight(&self) -> u64 {
            self.0
        }
    }

    impl Weigh for u8 {
        fn weight(&self) -> u64 {
            0
        }
    }

    #[test]
    fn the_largest_value_is_kept_and_no_larger_one() {
        for bytes in [0, 1, 1000, MIB, 64 * MIB, 100 * MIB + 1] {
            let tier = MemoryTier::<u8, Size>::new(bytes);
            let most = tier.max_value();
            assert!(tier.insert(1, Size(most)).is_empty());
            assert_eq!(tier.get(&1).is_some(), bytes > 0, "{bytes}");
            assert!(tier.insert(2, Size(most + 2)).is_empty(), "it evicts nothing");
            assert!(tier.get(&2).is_none(), "{bytes}");
            assert_eq!(tier.get(&1).is_some(), bytes > 0, "{bytes}");
            assert!(tier.insert(1, Size(most + 2)).is_empty(), "the smaller one is replaced");
            assert!(tier.get(&1).is_none(), "{bytes}");
        }
    }

    #[test]
    fn an_update_changes_the_size_and_nothing_else() {
        let tier = MemoryTier::<u8, Size>::new(1000);
        assert!(tier.insert(1, Size(100)).is_empty());
        assert_eq!(tier.update(&1, |value| std::mem::replace(value, Size(300)).0), Some(100));
        assert_eq!((tier.bytes(), tier.len(), tier.peek(&1).map(|size| size.0)), (300, 1, Some(300)));
        assert_eq!(tier.update(&2, |_| ()), None);
        assert_eq!((tier.bytes(), tier.len()), (300, 1));
    }

    /// A replaced value is no eviction: its key still has a value.
    #[test]
    fn an_insertion_returns_what_was_evicted_for_it() {
        let tier = MemoryTier::<u8, Size>::new(1000);
        for size in [200, 300] {
            assert!(tier.insert(1, Size(size)).is_empty());
        }
        let mut evicted: Vec<_> =
            (2..=8).flat_map(|key| tier.insert(key, Size(300))).map(|(key, _)| key).collect();
        evicted.sort_unstable();
        let kept: Vec<_> = (1..=8).filter(|key| tier.peek(key).is_some()).collect();
        assert_eq!((evicted.len(), kept.len()), (5, 3));
        let mut all = [evicted, kept].concat();
        all.sort_unstable();
        assert_eq!(all, (1..=8).collect::<Vec<_>>());
    }
}
