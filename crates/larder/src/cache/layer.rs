//! The layer.

use std::sync::Arc;

use tower_layer::Layer;

use crate::cache::Cache;
use crate::engine::coalesce::new_key_budget::NewKeyBudget;
use crate::engine::shared::Engine;
use crate::http::http_state::HttpState;
use crate::http::layer_state::LayerState;
use crate::http::nesting::Existing;
use crate::http::policy::Policy;
use crate::http::service::cache_service::CacheService;

/// A [`Layer`] that caches what goes through it. Made by [`Cache::layer`].
///
/// It wraps any service of HTTP requests that is `Clone`, whose futures are `Send`, and whose response bodies are made of
/// `Bytes`: an axum `Router`, a `MethodRouter`, a handler, or a plain Tower service. It adds no error of its own.
///
/// Everything a handler looks at has to be in the key or in `Vary`. What stands inside of this layer runs on misses only:
/// put authentication outside of it, and rate limits where they should count.
#[derive(Debug, Clone)]
pub struct CacheLayer {
    layer: Arc<LayerState>,
}

impl CacheLayer {
    /// Returns a layer that caches the responses that go through it, by this policy.
    ///
    /// The same as [`Cache::layer`], for code that builds its layers with constructors.
    ///
    /// # Panics
    /// If the policy is invalid. [`Cache::try_layer`] returns an error instead.
    ///
    /// # Examples
    /// ```
    /// use larder::{Cache, CacheLayer, Policy, ttl};
    /// use tower::ServiceBuilder;
    ///
    /// let cache = Cache::default();
    /// let layers = ServiceBuilder::new().layer(CacheLayer::new(&cache, Policy::ttl(ttl::STANDARD)));
    /// ```
    #[must_use]
    pub fn new(cache: &Cache, policy: Policy) -> Self {
        cache.layer(policy)
    }

    pub(super) fn over(engine: Arc<Engine>, http: Arc<HttpState>, policy: Policy) -> Self {
        engine.uri_aliases.keyed_by.register(&policy.query);
        let layer = LayerState {
            new_key_budget: NewKeyBudget::new(policy.max_new_keys),
            nesting: Arc::default(),
            _existing: Existing::new(),
            store_only: !http.memory.is_enabled()
                && engine.store.is_some()
                && !policy.matches_equivalent_queries(),
            engine,
            http,
            policy,
            #[cfg(feature = "metrics")]
            request_counters: crate::engine::report::metrics::RequestCounters::default(),
        };
        Self { layer: Arc::new(layer) }
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(inner, Arc::clone(&self.layer))
    }
}
