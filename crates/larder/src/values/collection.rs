//! A collection of values, as its users hold it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::selector::Selector;
use larder_core::outcome::{BypassReason, Outcome, StaleReason, Tier};

use crate::engine::fill_scope::FillScope;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::engine::report::value_stats::ValueStats;
use crate::values::cached::Cached;
use crate::values::cached_value::CachedValue;
use crate::values::collection_state::{Collection, note_use};
use crate::values::entry::ValueEntry;
use crate::values::load_error::{LoadError, is_error_of, own, shared};
use crate::values::loader_mark::NoLoader;
use crate::values::loading::load_borrowed;
use crate::values::loading::refresh_value::spawn_refresh;
use crate::values::registry::ValueRegistry;
use crate::values::value_address::ValueAddress;
use crate::values::value_key::{ValueKey, key_name};
use crate::values::value_lookup::ValueLookup;

/// A collection of typed values, which is a part of a [`Cache`](crate::Cache).
///
/// Built by [`Cache::values`](crate::Cache::values). This is a handle. A clone is cheap and refers
/// to the same collection. See the [module](crate::values) for an introduction.
///
/// The parameter `L` says whether the collection has a loader: [`NoLoader`], or
/// [`Loader`](crate::values::Loader).
pub struct Values<K, V, L = NoLoader> {
    pub(super) collection: Arc<Collection<K, V>>,
    registry: Arc<ValueRegistry>,
    loader: PhantomData<fn() -> L>,
}

impl<K: ValueKey, V: Send + Sync + 'static, L> Values<K, V, L> {
    pub(super) const fn new(collection: Arc<Collection<K, V>>, registry: Arc<ValueRegistry>) -> Self {
        Self { collection, registry, loader: PhantomData }
    }

    /// Returns the value in memory, if it is fresh.
    ///
    /// It asks nothing, waits for nothing and allocates nothing, so it is for synchronous code.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::{Cached, Values};
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// assert_eq!(names.get_cached(&7), Cached::Nothing);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    pub fn get_cached(&self, key: &K) -> Cached<V> {
        self.hit(key).map_or(Cached::Nothing, |cached| Cached::of(cached.value.clone()))
    }

    /// Returns the value from memory or the shared store, without loading it.
    ///
    /// A stale value is returned within the window of
    /// [`stale_while_revalidate`](crate::values::ValuesBuilder::stale_while_revalidate). If the
    /// collection has a loader, it refreshes the value in the background.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::ConfigError> {
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// assert!(!names.get(&7).await.is_cached());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get(&self, key: &K) -> Cached<V> {
        if let Some(cached) = self.hit(key) {
            return Cached::of(cached.value.clone());
        }
        let collection = &self.collection;
        let (cached, outcome) = match self.find(key).await {
            Ok(ValueLookup::Fresh(cached, tier)) => (cached, Outcome::Hit(tier)),
            Ok(ValueLookup::Stale(stale)) if stale.while_revalidate && FillScope::current().is_none() => {
                spawn_refresh(collection, key, stale.clone());
                (stale.cached, Outcome::Stale(stale.tier, StaleReason::WhileRevalidate))
            }
            Ok(ValueLookup::Stale(stale)) => {
                collection.record_miss(stale.reason);
                return Cached::Nothing;
            }
            Ok(ValueLookup::Miss(reason)) => {
                collection.record_miss(reason);
                return Cached::Nothing;
            }
            Err(reason) => {
                collection.counters.record(Outcome::Bypass(reason));
                return Cached::Nothing;
            }
        };
        collection.record_use(&cached, outcome);
        Cached::of(cached.value.clone())
    }

    /// Returns whether a fresh value or absence is in memory or in the shared store.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::ConfigError> {
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// assert!(!names.contains(&7).await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn contains(&self, key: &K) -> bool {
        match self.find(key).await {
            Ok(ValueLookup::Fresh(cached, _)) => {
                note_use(|| cached.used());
                true
            }
            _ => false,
        }
    }

    /// Returns a value, and loads it if it is not cached.
    ///
    /// `load` is called at most once. It returns a value or an `Option` of one. Concurrent calls
    /// for the same key share one load, on all instances. Its error is that of all calls that
    /// waited.
    ///
    /// The load runs in this future, so it may borrow from its surroundings. If the future is
    /// dropped, the load is too, and another call that waits for it begins a load of its own. A
    /// collection with a [loader](crate::values::ValuesBuilder::loader) can finish such loads: see
    /// [`load`](Self::load).
    ///
    /// If the shared store is unreachable, the value is loaded, as without a cache.
    ///
    /// # Errors
    ///
    /// Returns the error of the load. There is no other error.
    ///
    /// # Panics
    ///
    /// Panics if the load panics, unless a stale value may be served instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// let load = async || Ok::<_, std::io::Error>(Some("Ada".to_owned()));
    /// let name = names.get_or_load(&7, load).await?;
    /// assert_eq!(name.as_deref().map(String::as_str), Some("Ada"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_load<F, Fut, T, E>(&self, key: &K, load: F) -> Result<Option<Arc<V>>, LoadError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        T: Into<Option<V>>,
        E: Send + Sync + 'static,
    {
        if let Some(cached) = self.hit(key) {
            return Ok(cached.value.clone());
        }
        let load = async move { load().await.map(Into::into).map_err(shared) };
        // Boxed, so that the future of a hit stays small.
        Box::pin(load_borrowed(&self.collection, key, is_error_of::<E>, load)).await.map_err(own)
    }

    /// Invalidates the value with this key, on all instances.
    ///
    /// Call this after a write to the database is committed. It is the same as
    /// [`Cache::invalidate`](crate::Cache::invalidate) with the [`selector`](Self::selector) of the
    /// key.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// // … commit the write to the database, and then:
    /// names.invalidate(&7).await.require_applied()?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn invalidate(&self, key: &K) -> InvalidationOutcome {
        invalidate(&self.collection.engine, Invalidation::of(self.selector(key))).await
    }

    /// Returns the selector that names the value with this key, for an [`Invalidation`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::ConfigError> {
    /// use larder::values::Values;
    /// use larder::{Cache, Invalidation};
    ///
    /// let cache = Cache::default();
    /// let names: Values<u64, String> = cache.values("name").build()?;
    /// // A value and the routes that show it, in one step.
    /// let _ = cache.invalidate(Invalidation::tag("user:7").and(names.selector(&7))).await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn selector(&self, key: &K) -> Selector {
        Selector::Key(key_name(&self.collection.name, key))
    }

    /// Returns what is known about a cached value or absence, without loading it.
    ///
    /// It may be stale. This does not count as a use of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::ConfigError> {
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// if let Some(entry) = names.entry(&7).await {
    ///     println!("{:?} old, tags: {:?}", entry.age, entry.tags);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn entry(&self, key: &K) -> Option<ValueEntry> {
        let (cached, tier): (Arc<CachedValue<V>>, Tier) = match self.find(key).await {
            Ok(ValueLookup::Fresh(cached, tier)) => (cached, tier),
            Ok(ValueLookup::Stale(stale)) => (stale.cached, stale.tier),
            Ok(ValueLookup::Miss(_)) | Err(_) => return None,
        };
        Some(ValueEntry::new(&cached, tier, self.collection.engine.clock.boot()))
    }

    /// Returns for how long a cached value or absence will still be fresh.
    ///
    /// Returns `None` if nothing fresh is cached.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::ConfigError> {
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// assert_eq!(names.ttl_of(&7).await, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ttl_of(&self, key: &K) -> Option<Duration> {
        let entry = self.entry(key).await?;
        (!entry.remaining.is_zero()).then_some(entry.remaining)
    }

    /// Returns the counters of this collection, and its memory use.
    #[must_use]
    pub fn stats(&self) -> ValueStats {
        self.registry.stats_of(&self.collection.name)
    }

    /// Returns the name of the collection.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.collection.name
    }

    /// Returns the value in memory if it is fresh, and records the hit.
    #[inline]
    pub(super) fn hit(&self, key: &K) -> Option<Arc<CachedValue<V>>> {
        let collection = &self.collection;
        let cached = collection.in_memory(key)?;
        let now = collection.engine.clock.boot();
        if !collection.is_fresh_now(&cached, now) || collection.engine.switches.covers_values(|| now) {
            return None;
        }
        if FillScope::is_set() && !collection.may_use_in_fill(&cached, now) {
            return None;
        }
        collection.record_hit(&cached, now);
        collection.refresh_early(key, &cached, now);
        Some(cached)
    }

    /// Looks a value up in both tiers.
    ///
    /// # Errors
    /// If the cache is disabled or switched off, or the key is too long.
    async fn find(&self, key: &K) -> Result<ValueLookup<V>, BypassReason> {
        let collection = &self.collection;
        let engine = &collection.engine;
        if let Some(reason) = engine.value_bypass() {
            return Err(reason);
        }
        let missing = match collection.look_in_memory(key) {
            ValueLookup::Miss(reason) => reason,
            lookup => return Ok(lookup),
        };
        let address = ValueAddress::new(&collection.name, key).ok_or(BypassReason::KeyTooLong)?;
        spawn_follower(engine);
        Ok(collection.look_in_store(key, &address, &engine.store_time(), missing).await.lookup)
    }
}

impl<K, V, L> Clone for Values<K, V, L> {
    fn clone(&self) -> Self {
        let (collection, registry) = (Arc::clone(&self.collection), Arc::clone(&self.registry));
        Self { collection, registry, loader: PhantomData }
    }
}

impl<K, V, L> fmt::Debug for Values<K, V, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("name", &self.collection.name).finish_non_exhaustive()
    }
}
