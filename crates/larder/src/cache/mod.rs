//! The top of the crate: the cache as its users hold it.
//!
//! A [`Cache`] joins the engine with the state of the HTTP layers. It creates the layers,
//! invalidates responses, and is closed before the process ends.
//!
//! - `mod.rs`: [`Cache`], the handle
//! - `builder.rs`: [`CacheBuilder`], its options
//! - `build_cache.rs`: from options to a cache
//! - `credential_options.rs`: the fields that are credentials
//! - `store_options.rs`: the options for the shared store
//! - `report_options.rs`: the options for `Cache-Status`, `X-Cache` and `Served`
//! - `cache_name.rs`: the check of the name in `Cache-Status`
//! - `layer.rs`: [`CacheLayer`], and `invalidation_layer.rs`: the layer that caches nothing
//! - `inspect/`: listing and inspecting what is stored
//! - `preview.rs`: the reach of an invalidation before it is issued
//! - `invalidation_feed.rs`: the feed of invalidations
//! - `warm/`: requests that fill the cache
//! - `health.rs`: [`Health`], and waiting until the cache is ready
//! - `until_answered.rs`: asking a store until it answers
//! - `explain_method.rs`: explaining a request
//! - `switch_methods.rs`: switching the cache off and on
//! - `advice_method.rs`: what the figures say about the settings
//! - `monitoring.rs`: the instances, the statistics of the shared store, and the policies
//! - `close.rs`: [`CloseReport`], and the steps of closing
//! - `fleet/`: [`Fleet`](fleet::Fleet), the handle of operators, over the shared store alone

mod advice_method;
mod build_cache;
pub(crate) mod builder;
pub(crate) mod cache_name;
pub(crate) mod close;
mod credential_options;
mod explain_method;
pub(crate) mod fleet;
pub(crate) mod health;
pub(crate) mod inspect;
mod invalidation_feed;
pub(crate) mod invalidation_layer;
pub(crate) mod layer;
mod monitoring;
pub(crate) mod preview;
mod queue_option;
pub(crate) mod report_options;
pub(crate) mod store_options;
mod switch_methods;
mod until_answered;
pub(crate) mod warm;

use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::tail::Tail;
use larder_core::invalidation::token::ConsistencyToken;

use crate::cache::builder::CacheBuilder;
use crate::cache::close::{CloseReport, close};
use crate::cache::health::{Health, NotReadyError, wait_until_ready};
use crate::cache::layer::CacheLayer;
use crate::engine::config_error::ConfigError;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::engine::report::stats::Stats;
use crate::engine::shared::Engine;
use crate::http::http_state::HttpState;
use crate::http::policy::Policy;
use crate::values::registry::ValueRegistry;
use crate::values::{OperationsBuilder, ValueKey, ValuesBuilder};

/// An HTTP response cache, shared by its layers and by the handlers that invalidate responses.
///
/// This is a handle. A clone is cheap and refers to the same cache. The cache lives until its last
/// handle and its last layer are dropped.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use larder::{Cache, Policy, ttl};
///
/// let cache = Cache::default();
/// let product = get(async || "a product");
/// let app: Router = Router::new()
///     .route("/products/{id}", product.layer(cache.layer(Policy::ttl(ttl::STANDARD))));
/// ```
#[derive(Clone)]
pub struct Cache {
    engine: Arc<Engine>,
    http: Arc<HttpState>,
    values: Arc<ValueRegistry>,
}

impl Cache {
    /// Returns a builder with the default options.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_memory_bytes(256 * 1024 * 1024).build();
    /// ```
    #[must_use]
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// Creates a cache that stores nothing, for tests and for switching caching off.
    ///
    /// Its layers pass every request through to the handler, and every response back. The outcome
    /// of each request is `bypass`, with the reason `disabled`. An invalidation has nothing to do:
    /// its outcome is [`Applied`](InvalidationOutcome::Applied).
    ///
    /// Do not use it to switch off caching in one of several instances that share a store: the
    /// others would not learn of its writes. Such an instance keeps its cache for
    /// [`invalidate`](Self::invalidate), and uses a [`CacheLayer`] from `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # let is_cached = false;
    /// let cache = if is_cached { Cache::default() } else { Cache::disabled() };
    /// ```
    #[must_use]
    pub fn disabled() -> Self {
        CacheBuilder::disabled().build()
    }

    /// Creates a layer that caches responses by this policy.
    ///
    /// # Panics
    ///
    /// Panics if the policy is invalid, and names the invalid value. This happens at start-up, as
    /// with an invalid path in `Router::route`. For a policy that is not written in the code, but
    /// read from somewhere, use [`try_layer`](Self::try_layer).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Cache, Policy, ttl};
    ///
    /// let cache = Cache::default();
    /// let products = cache.layer(Policy::ttl(ttl::STANDARD).tag("product:{id}"));
    /// let searches = cache.layer(Policy::ttl(ttl::FREQUENT));
    /// ```
    #[must_use]
    #[allow(clippy::panic)] // This is documented above, and no request gets here.
    pub fn layer(&self, policy: Policy) -> CacheLayer {
        match self.try_layer(policy) {
            Ok(layer) => layer,
            Err(error) => panic!("invalid cache policy: {error}"),
        }
    }

    /// Creates a layer that caches responses by this policy, like [`layer`](Self::layer).
    ///
    /// # Errors
    ///
    /// Returns an error if the policy is invalid.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Cache, ConfigErrorKind, Policy};
    ///
    /// // The lifetime comes from a configuration file.
    /// let lifetime = Duration::ZERO;
    /// let error = Cache::default().try_layer(Policy::ttl(lifetime)).unwrap_err();
    /// assert_eq!(error.kind(), ConfigErrorKind::Lifetime);
    /// ```
    pub fn try_layer(&self, policy: Policy) -> Result<CacheLayer, ConfigError> {
        Ok(CacheLayer::over(Arc::clone(&self.engine), Arc::clone(&self.http), policy.validate()?))
    }

    /// Returns the builder of a collection of typed values, which are cached below HTTP.
    ///
    /// The name is a part of the keys in the shared store, and a label of metrics. See
    /// [`values`](crate::values) for an introduction.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Cache, ttl};
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let cache = Cache::default();
    /// let names = cache.values::<u64, String>("name").ttl(ttl::STANDARD).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn values<K: ValueKey, V: Send + Sync + 'static>(&self, name: &str) -> ValuesBuilder<K, V> {
        ValuesBuilder::new(Arc::clone(&self.engine), Arc::clone(&self.values), name)
    }

    /// Returns the builder of a collection of operations, such as the increments of a counter.
    ///
    /// Operations are queued, and reach the database later, in order. See
    /// [`Operations`](crate::values::Operations).
    ///
    /// The name is a part of the keys of the [write queue](CacheBuilder::write_queue). No collection
    /// of values can have the same name.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::default();
    /// let views = cache.operations::<u64, u32>("views").invalidates(|page| format!("page:{page}"));
    /// ```
    pub fn operations<K: ValueKey, Op: Send + Sync + 'static>(&self, name: &str) -> OperationsBuilder<K, Op> {
        OperationsBuilder::new(Arc::clone(&self.engine), Arc::clone(&self.values), name)
    }

    /// Returns the counters of this cache since it was built, and its memory use.
    ///
    /// [`Stats`] also lists the metrics, spans and log events of a cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::default();
    /// let stats = cache.stats();
    /// println!("{} hits, hit ratio {:.2}", stats.hits(), stats.hit_ratio());
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { values: self.values.stats(), ..self.engine.report.stats(self.http.memory.usage()) }
    }

    /// Invalidates stored responses, and returns whether the invalidation was applied or deferred.
    ///
    /// When the future is done, this instance does not serve the named responses again, whatever
    /// fills are in flight. Call this method after the write is committed. Dropping the future does
    /// not take the invalidation back.
    ///
    /// With a shared store, this takes about as long as two exchanges with it, and at most the
    /// [`invalidation_timeout`](CacheBuilder::invalidation_timeout). While the store is
    /// unreachable, this usually takes no time.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::{Cache, InvalidationOutcome, Tag};
    ///
    /// let cache = Cache::default();
    /// // … commit the write to the database, and then:
    /// let outcome = cache.invalidate(Tag::new("product:42")).await;
    /// assert_eq!(outcome, InvalidationOutcome::Applied);
    /// # }
    /// ```
    pub async fn invalidate(&self, what: impl Into<Invalidation>) -> InvalidationOutcome {
        invalidate(&self.engine, what.into()).await
    }

    /// Waits until this instance can use the shared store, for at most this long.
    ///
    /// It can once it has read the whole invalidation log, and the store has answered a read.
    /// Before that, requests run the handlers, and their responses are not shared. So wait before
    /// an instance gets traffic, and in tests of several instances. A cache without a shared store
    /// is always ready.
    ///
    /// An instance that is not ready still answers all requests. After an error, it is usually
    /// better to go on than to stop: the cache connects as soon as it can.
    ///
    /// # Errors
    ///
    /// Returns an error with the [`Health`] of the cache if the time has passed, or as soon as the
    /// cache is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    ///
    /// let cache = Cache::default();
    /// if let Err(error) = cache.ready(Duration::from_secs(2)).await {
    ///     eprintln!("starting without the shared store: {error}");
    /// }
    /// # }
    /// ```
    pub async fn ready(&self, within: Duration) -> Result<(), NotReadyError> {
        wait_until_ready(&self.engine, within).await
    }

    /// Returns how the cache and its shared store are doing.
    ///
    /// It asks nothing and takes next to no time, so a probe may call it as often as it likes. Do
    /// not restart an instance because of it: see [`Health`].
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::extract::State;
    /// use larder::Cache;
    ///
    /// async fn health(State(cache): State<Cache>) -> String {
    ///     cache.health().to_string()
    /// }
    /// ```
    #[must_use]
    pub fn health(&self) -> Health {
        Health::of(&self.engine)
    }

    /// Finishes the background work of this cache, and reports what was left undone.
    ///
    /// Call this method between the last request and the end of the process. No new refresh begins.
    /// The cache waits for the fills, refreshes and writes that are running. It flushes the writes
    /// of [in-process](crate::values::WriteBehindBuilder::in_process) collections. It appends the
    /// deferred invalidations if the shared store can be reached. Then it closes the connections of
    /// the store, for all handles of this cache and of the store. All of this takes at most the
    /// [`close_timeout`](CacheBuilder::close_timeout).
    ///
    /// The cache can still be used after that. It answers requests from memory for as long as its
    /// view of the invalidation log may be trusted, and by calling the handlers after that. With a
    /// shared store, a later invalidation stays [`Deferred`](crate::InvalidationOutcome::Deferred)
    /// forever.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::Cache;
    ///
    /// let cache = Cache::default();
    /// // … serve until the process is asked to end, and then:
    /// let closed = cache.close().await;
    /// if !closed.is_clean() {
    ///     eprintln!("{closed}");
    /// }
    /// # }
    /// ```
    pub async fn close(&self) -> CloseReport {
        close(&self.engine, self.engine.close_timeout).await
    }

    /// Returns a consistency token: how much of the invalidation log this instance knows.
    ///
    /// After [`invalidate`](Self::invalidate), the token covers that invalidation and all earlier
    /// ones.
    ///
    /// A policy with [`read_your_writes`](Policy::read_your_writes) adds the token to the responses
    /// to unsafe requests. Call this method for writes that do not go through such a layer.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::{Cache, Tag};
    ///
    /// # let cache = Cache::default();
    /// let _ = cache.invalidate(Tag::new("product:42")).await;
    /// let response = ([("larder-token", cache.token().to_string())], "saved");
    /// # }
    /// ```
    #[must_use]
    pub fn token(&self) -> ConsistencyToken {
        self.engine.log.read(Tail::token)
    }
}

impl Cache {
    pub(crate) fn of(engine: Arc<Engine>, http: Arc<HttpState>) -> Self {
        Self { engine, http, values: Arc::default() }
    }

    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Default for Cache {
    /// Creates a cache in the memory of this process, with the default options of [`CacheBuilder`].
    fn default() -> Self {
        CacheBuilder::default().build()
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("shared", &self.engine.store.is_some()).finish_non_exhaustive()
    }
}
