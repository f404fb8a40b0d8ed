//! The options of a collection, and how it is built.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock, Weak};

use larder_core::invalidation::selector::Tag;

use crate::engine::coalesce::reads::SharedReads;
use crate::engine::config_error::{ConfigError, ConfigErrorKind};
use crate::engine::evicted_keys::EvictedKeys;
use crate::engine::failure_table::FailureTable;
use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::engine::memory_tier::MemoryTier;
use crate::engine::shared::Engine;
use crate::values::codec::{Codec, Json};
use crate::values::collection::Values;
use crate::values::collection_state::{Collection, Functions, LoaderFn, TagsFn, WeighFn, WriteNamesFn};
use crate::values::error_table::ErrorTable;
use crate::values::load_error::shared;
use crate::values::loader_mark::{Loader, NoLoader};
use crate::values::registry::{CollectionForm, ValueRegistry};
use crate::values::value_event::ValueFlights;
use crate::values::value_key::ValueKey;
use crate::values::value_options::ValueOptions;
use crate::values::value_table::MemoryUse;

/// A builder of a collection of values.
///
/// Returned by [`Cache::values`](crate::Cache::values).
///
/// # Methods by task
///
/// * Lifetime: [`ttl`](Self::ttl), [`negative_ttl`](Self::negative_ttl),
///   [`jitter`](Self::jitter), [`early_refresh`](Self::early_refresh)
/// * Stale values: [`stale_while_revalidate`](Self::stale_while_revalidate),
///   [`stale_if_error`](Self::stale_if_error), [`serve_stale_after`](Self::serve_stale_after)
/// * Loads: [`loader`](Self::loader), [`load_timeout`](Self::load_timeout),
///   [`max_reruns`](Self::max_reruns), [`retry_after_error`](Self::retry_after_error),
///   [`error_ttl`](Self::error_ttl), [`replica_lag`](Self::replica_lag)
/// * Invalidation: [`tags`](Self::tags)
/// * Writes: [`invalidates`](Self::invalidates), [`write_behind`](Self::write_behind)
/// * Memory: [`max_memory_bytes`](Self::max_memory_bytes), [`weigh`](Self::weigh)
/// * The shared store: [`codec`](Self::codec), [`schema`](Self::schema),
///   [`max_value_bytes`](Self::max_value_bytes)
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use larder::values::LoadingValues;
/// use larder::{Cache, ttl};
///
/// # fn main() -> Result<(), larder::ConfigError> {
/// let names: LoadingValues<u64, String, std::io::Error> = Cache::default()
///     .values("name")
///     .ttl(ttl::STANDARD)
///     .negative_ttl(Duration::from_secs(30))
///     .tags(|id, _name| [format!("user:{id}")])
///     .loader(async |id| Ok(format!("user {id}")))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "call `build`"]
pub struct ValuesBuilder<K, V, L = NoLoader, C = Json> {
    pub(super) engine: Arc<Engine>,
    registry: Arc<ValueRegistry>,
    name: Box<str>,
    pub(super) options: ValueOptions,
    codec: C,
    tags: Option<TagsFn<K, V>>,
    weigh: Option<WeighFn<V>>,
    also_invalidates: Option<WriteNamesFn<K>>,
    pub(super) loader: Option<LoaderFn<K, V>>,
    pub(super) problem: Option<ConfigError>,
    mark: PhantomData<fn() -> L>,
}

impl<K: ValueKey, V: Send + Sync + 'static> ValuesBuilder<K, V> {
    pub(crate) fn new(engine: Arc<Engine>, registry: Arc<ValueRegistry>, name: &str) -> Self {
        Self {
            engine,
            registry,
            name: name.into(),
            options: ValueOptions::default(),
            codec: Json,
            tags: None,
            weigh: None,
            also_invalidates: None,
            loader: None,
            problem: None,
            mark: PhantomData,
        }
    }
}

impl<K: ValueKey, V: Send + Sync + 'static, L, C> ValuesBuilder<K, V, L, C> {
    /// Adds tags, by which values are invalidated together.
    ///
    /// The function gets the key, and the value or `None` for an absence. A tag names values and
    /// responses alike. Without tags, a value is only named by its key and by everything.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// // The price of each product, and its category.
    /// let prices: Values<u64, (u64, String)> = Cache::default()
    ///     .values("price")
    ///     .tags(|id, price| {
    ///         let category = price.map(|(_, category)| format!("category:{category}"));
    ///         category.into_iter().chain([format!("product:{id}")])
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tags<F, T>(mut self, tags: F) -> Self
    where
        F: Fn(&K, Option<&V>) -> T + Send + Sync + 'static,
        T: IntoIterator<Item: Into<Tag>>,
    {
        self.tags = Some(Box::new(move |key, value| tags(key, value).into_iter().map(Into::into).collect()));
        self
    }

    /// Sets what a write invalidates besides the value's own key.
    ///
    /// It applies to [`Values::write_through`], [`Values::begin_write`] and write-behind. Text is a
    /// tag. Name the routes that show the value, for example. Do not name each of its tags: if a
    /// write of a product named its category, each write would empty the category.
    ///
    /// Default: nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> =
    ///     Cache::default().values("name").invalidates(|id| format!("user:{id}")).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidates<F, I>(mut self, names: F) -> Self
    where
        F: Fn(&K) -> I + Send + Sync + 'static,
        I: Into<Invalidation>,
    {
        self.also_invalidates = Some(Box::new(move |key| names(key).into()));
        self
    }

    /// Sets how many bytes a value takes in memory.
    ///
    /// Default: the size of the encoded value. With this function and without a shared store,
    /// values are never encoded.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> =
    ///     Cache::default().values("name").weigh(|name: &String| name.len() as u64).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn weigh(mut self, weigh: impl Fn(&V) -> u64 + Send + Sync + 'static) -> Self {
        self.weigh = Some(Box::new(weigh));
        self
    }

    /// Sets a loader: a function that loads the value of a key.
    ///
    /// It lets the collection refresh values in the background, before they go stale and while
    /// stale ones are served. Loads of [`Values::load`] go on if their callers leave. The function
    /// returns a value or an `Option` of one.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::LoadingValues;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: LoadingValues<u64, String, std::io::Error> = Cache::default()
    ///     .values("name")
    ///     .loader(|id| async move { Ok((id < 100).then(|| format!("user {id}"))) })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn loader<F, Fut, T, E>(self, loader: F) -> ValuesBuilder<K, V, Loader<E>, C>
    where
        F: Fn(K) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Option<V>>,
        E: Send + Sync + 'static,
    {
        let loader: LoaderFn<K, V> = Arc::new(move |key| {
            let load = loader(key);
            Box::pin(async move { load.await.map(Into::into).map_err(shared) })
        });
        let Self { engine, registry, name, options, codec, tags, weigh, also_invalidates, problem, .. } =
            self;
        ValuesBuilder {
            engine,
            registry,
            name,
            options,
            codec,
            tags,
            weigh,
            also_invalidates,
            loader: Some(loader),
            problem,
            mark: PhantomData,
        }
    }

    /// Sets the encoding of values in the shared store.
    ///
    /// Default: [`Json`].
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::{Json, Values};
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default().values("name").codec(Json).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn codec<D>(self, codec: D) -> ValuesBuilder<K, V, L, D> {
        let Self {
            engine,
            registry,
            name,
            options,
            tags,
            weigh,
            also_invalidates,
            loader,
            problem,
            mark,
            ..
        } = self;
        ValuesBuilder {
            engine,
            registry,
            name,
            options,
            codec,
            tags,
            weigh,
            also_invalidates,
            loader,
            problem,
            mark,
        }
    }

    /// Sets the number of the schema of the values.
    ///
    /// Choose another number when you change the type in a way that the codec would misread. A
    /// value with another number in the shared store is a miss, with the reason `schema`.
    ///
    /// Default: 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let names: Values<u64, String> = Cache::default().values("name").schema(2).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn schema(mut self, number: u32) -> Self {
        self.options.schema = number;
        self
    }

    /// Builds the collection.
    ///
    /// Two collections of one cache may have the same name if their types, their schema and their
    /// codec are the same. They share the values in the shared store, and their counters.
    ///
    /// # Errors
    ///
    /// Returns an error if an option is invalid, or if the name is empty or taken.
    pub fn build(self) -> Result<Values<K, V, L>, ConfigError>
    where
        C: Codec<V>,
    {
        let Self {
            engine,
            registry,
            name,
            options,
            codec,
            tags,
            weigh,
            also_invalidates,
            loader,
            problem,
            ..
        } = self;
        if let Some(problem) = problem {
            return Err(problem);
        }
        let form = CollectionForm {
            key: TypeId::of::<K>(),
            value: TypeId::of::<V>(),
            schema: options.schema,
            format: C::FORMAT,
            kind: options.kind,
        };
        let counters = registry.register(&name, form)?;
        #[cfg(feature = "metrics")]
        registry.publish_regularly();
        engine.note_values();
        let memory = if engine.is_disabled { 0 } else { options.memory_bytes };
        let reads = SharedReads::new(engine.store.as_ref().and_then(|store| store.time_limit()));
        let collection = Arc::new(Collection {
            engine,
            name,
            options,
            functions: Functions { codec: Box::new(codec), tags, weigh, also_invalidates, loader },
            memory: MemoryTier::new(memory),
            evicted: EvictedKeys::new(memory),
            flights: ValueFlights::default(),
            reads,
            failures: FailureTable::default(),
            errors: ErrorTable::default(),
            counters,
            write_behind: OnceLock::new(),
        });
        let memory: Weak<dyn MemoryUse> = Arc::downgrade(&(Arc::clone(&collection) as Arc<dyn MemoryUse>));
        registry.add_memory(&collection.name, memory);
        Ok(Values::new(collection, registry))
    }

    pub(super) fn record_error(&mut self, kind: ConfigErrorKind, what: &str) {
        self.problem.get_or_insert_with(|| ConfigError::new(kind, what));
    }
}

impl<K, V, L, C> fmt::Debug for ValuesBuilder<K, V, L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValuesBuilder")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
