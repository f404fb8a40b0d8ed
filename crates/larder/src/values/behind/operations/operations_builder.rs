//! Building a collection of operations.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::config_error::ConfigError;
use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::engine::shared::Engine;
use crate::values::behind::behind_builder::{WriteBehindBuilder, check, start};
use crate::values::behind::behind_queue::{check_partitions, choose_queue};
use crate::values::behind::behind_state::BehindState;
use crate::values::behind::operations::operation::Operation;
use crate::values::behind::operations::operation_form::OperationForm;
use crate::values::behind::operations::operation_log::Operations;
use crate::values::behind::sink::Sink;
use crate::values::codec::{Codec, Json};
use crate::values::collection_state::WriteNamesFn;
use crate::values::registry::{CollectionForm, CollectionKind, ValueRegistry};
use crate::values::value_key::ValueKey;

/// The default maximum size of an encoded operation.
const MAX_BYTES: usize = 1024 * 1024;

/// A builder of a collection of operations.
///
/// Returned by [`Cache::operations`](crate::Cache::operations). Set these options first. Then
/// [`sink`](Self::sink) returns the builder with the options of the queue.
#[must_use = "call `sink`, and then `build`"]
pub struct OperationsBuilder<K, Op, C = Json> {
    engine: Arc<Engine>,
    registry: Arc<ValueRegistry>,
    name: Box<str>,
    codec: C,
    schema: u32,
    max_bytes: usize,
    invalidates: Option<WriteNamesFn<K>>,
    mark: PhantomData<fn() -> Op>,
}

impl<K: ValueKey, Op: Send + Sync + 'static> OperationsBuilder<K, Op> {
    pub(crate) fn new(engine: Arc<Engine>, registry: Arc<ValueRegistry>, name: &str) -> Self {
        Self {
            engine,
            registry,
            name: name.into(),
            codec: Json,
            schema: 1,
            max_bytes: MAX_BYTES,
            invalidates: None,
            mark: PhantomData,
        }
    }
}

impl<K: ValueKey, Op: Send + Sync + 'static, C> OperationsBuilder<K, Op, C> {
    /// Sets what is invalidated after each flush of operations of a key.
    ///
    /// Name the values and the routes that show the result of the operations. Text is a tag. A push
    /// invalidates nothing, because the database does not have the operation yet.
    ///
    /// Default: nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let cache = Cache::default();
    /// let totals: Values<u64, u64> = cache.values("total-views").build()?;
    /// // The value, and all routes with the tag of the page.
    /// let views = cache.operations::<u64, u64>("views").invalidates(move |page| {
    ///     larder::Invalidation::of(totals.selector(page)).and_tag(format!("page:{page}"))
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidates<F, I>(mut self, names: F) -> Self
    where
        F: Fn(&K) -> I + Send + Sync + 'static,
        I: Into<Invalidation>,
    {
        self.invalidates = Some(Box::new(move |key| names(key).into()));
        self
    }

    /// Sets the encoding of operations in the queue.
    ///
    /// Default: [`Json`].
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Cache, values::Json};
    ///
    /// let views = Cache::default().operations::<u64, u64>("views").codec(Json);
    /// ```
    pub fn codec<D>(self, codec: D) -> OperationsBuilder<K, Op, D> {
        let Self { engine, registry, name, schema, max_bytes, invalidates, mark, .. } = self;
        OperationsBuilder { engine, registry, name, codec, schema, max_bytes, invalidates, mark }
    }

    /// Sets the number of the schema of the operations.
    ///
    /// Choose another number when you change the type in a way that the codec would misread. Drain
    /// the queue first: an operation of another schema goes to the quarantine.
    ///
    /// Default: 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let views = Cache::default().operations::<u64, u64>("views").schema(2);
    /// ```
    pub const fn schema(mut self, number: u32) -> Self {
        self.schema = number;
        self
    }

    /// Sets the maximum size of an encoded operation in bytes. A push of a larger one fails.
    ///
    /// Default: 1 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let views = Cache::default().operations::<u64, u64>("views").max_operation_bytes(100);
    /// ```
    pub const fn max_operation_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the sink, which applies operations to the database.
    ///
    /// The options of the queue follow. See [`Operation`] for what a sink has to do.
    pub fn sink<S: Sink<Operation<K, Op>>>(self, sink: S) -> WriteBehindBuilder<Self, S> {
        WriteBehindBuilder::new(self, sink)
    }
}

impl<K: ValueKey, Op: Send + Sync + 'static, C, S> WriteBehindBuilder<OperationsBuilder<K, Op, C>, S> {
    /// Builds the collection, and starts its worker.
    ///
    /// # Errors
    ///
    /// Returns an error if an option is invalid, if the name is empty or taken, or outside of a
    /// Tokio runtime. The cache needs a [write queue](crate::CacheBuilder::write_queue) and a
    /// [shared store](crate::CacheBuilder::shared_store), or with
    /// [`in_process`](WriteBehindBuilder::in_process) neither of them.
    pub fn build(self) -> Result<Operations<K, Op>, ConfigError>
    where
        K: Serialize + DeserializeOwned,
        S: Sink<Operation<K, Op>>,
        C: Codec<Op>,
    {
        let Self { collection, sink, options } = self;
        check(&options)?;
        let queue = choose_queue(&collection.engine, &options)?;
        let OperationsBuilder { engine, registry, name, codec, schema, max_bytes, invalidates, .. } =
            collection;
        let form = CollectionForm {
            key: TypeId::of::<K>(),
            value: TypeId::of::<Op>(),
            schema,
            format: C::FORMAT,
            kind: CollectionKind::Operations,
        };
        registry.register(&name, form)?;
        check_partitions(&engine, &name, &options)?;
        let form = OperationForm { name, codec: Box::new(codec), schema, max_bytes, invalidates };
        let name = form.name.clone();
        let (state, running) = start(BehindState::new(&engine, &name, Arc::new(form), queue, options), sink);
        Ok(Operations::new(state, running))
    }
}

impl<K, Op, C> fmt::Debug for OperationsBuilder<K, Op, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationsBuilder")
            .field("name", &self.name)
            .field("schema", &self.schema)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
