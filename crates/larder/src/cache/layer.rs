//! The Tower layer.

use std::sync::Arc;

use tower_layer::Layer;

use crate::cache::Cache;
use crate::engine::coalesce::handler_time::HandlerTime;
use crate::engine::coalesce::new_key_budget::NewKeyBudget;
use crate::engine::shared::Engine;
use crate::engine::switches::layer_flags::{LayerFlag, LayerFlags};
use crate::engine::ttl::STANDARD;
use crate::http::http_state::HttpState;
use crate::http::layer_routes::LayerRoutes;
use crate::http::layer_state::LayerState;
use crate::http::nesting::{Existing, NestingTable};
use crate::http::policy::Policy;
use crate::http::service::cache_service::CacheService;

/// A [`Layer`] that caches the responses of the services that it wraps.
///
/// [`Cache::layer`] creates it.
///
/// It wraps any HTTP service that is `Clone`, whose futures are `Send`, and whose response bodies
/// consist of `Bytes`: an axum `Router`, a `MethodRouter`, a handler, or any other Tower service.
/// It adds no error of its own.
///
/// Every property of a request that affects the response must be part of the key or be named in
/// `Vary`. Middleware inside this layer runs only on misses. So put authentication outside this
/// layer, and rate limits where they should count.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use larder::{Cache, Policy, ttl};
///
/// let cache = Cache::default();
/// let layer = cache.layer(Policy::ttl(ttl::STANDARD));
///
/// let app: Router = Router::new().route("/", get(async || "hello")).layer(layer);
/// ```
///
/// # Optional layers
///
/// `tower::util::option_layer` does not fit, because the layer changes the type of the response
/// body. Convert the `Option` instead. `None` becomes a layer of a
/// [disabled](Cache::disabled) cache, which passes everything through.
///
/// ```
/// use axum::{Router, routing::get};
/// use larder::{Cache, CacheLayer, Policy, ttl};
///
/// # let is_cached = true;
/// let cache = is_cached.then(Cache::default);
/// let layer = cache.as_ref().map(|cache| cache.layer(Policy::ttl(ttl::STANDARD)));
///
/// let app: Router =
///     Router::new().route("/", get(async || "hello")).layer(CacheLayer::from(layer));
/// ```
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
    ///
    /// ```
    /// use larder::{Cache, CacheLayer, Policy, ttl};
    /// use tower::ServiceBuilder;
    ///
    /// let cache = Cache::default();
    /// let layer = CacheLayer::new(&cache, Policy::ttl(ttl::STANDARD));
    /// let layers = ServiceBuilder::new().layer(layer);
    /// ```
    #[must_use]
    pub fn new(cache: &Cache, policy: Policy) -> Self {
        cache.layer(policy)
    }

    pub(super) fn over(engine: Arc<Engine>, http: Arc<HttpState>, policy: Policy) -> Self {
        let policy = if http.served_extension { policy.served_extension() } else { policy }.resolved();
        let policy = policy.with_credentials(&http.credentials);
        engine.register_uri_rules(&policy.query, policy.ignores_host);
        let flags = Arc::new(LayerFlags::default());
        if engine.is_disabled {
            flags.set(LayerFlag::Disabled);
        }
        engine.switches.register(&flags);
        let layer = LayerState {
            new_key_budget: NewKeyBudget::new(policy.max_new_keys),
            handler_time: HandlerTime::default(),
            nesting: Arc::new(NestingTable::new(Arc::clone(&flags))),
            flags,
            _existing: Existing::new(),
            max_body: max_body(&engine, &http, &policy),
            _template: http.key_templates.register(&policy),
            store_only: !http.memory.is_enabled()
                && engine.store.is_some()
                && !policy.matches_equivalent_queries(),
            routes: LayerRoutes::new(policy.class_name()),
            engine,
            http,
            policy,
        };
        let layer = Arc::new(layer);
        let weak = Arc::downgrade(&layer);
        layer.http.layers.add(weak);
        Self { layer }
    }
}

/// Returns the maximum size of a body that the policy and one of the tiers can store.
///
/// A larger body would be collected to be stored nowhere. Without any tier, bodies are still
/// collected for requests that come at the same time.
fn max_body(engine: &Engine, http: &HttpState, policy: &Policy) -> usize {
    let in_store = engine.store.as_ref().map_or(0, |_| engine.store_limits.max_body_bytes);
    let most = http.memory.max_response().max(in_store);
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    if limit == 0 || policy.max_body <= limit {
        return policy.max_body;
    }
    tracing::warn!(
        target: "larder",
        max_body = policy.max_body,
        limit,
        "bodies over this limit are not stored: neither the memory nor the shared store takes them; see CacheBuilder::max_memory_bytes and max_shared_body_bytes"
    );
    limit
}

impl From<Option<CacheLayer>> for CacheLayer {
    /// Returns the layer. `None` becomes a layer that passes everything through.
    fn from(layer: Option<Self>) -> Self {
        layer.unwrap_or_else(|| Cache::disabled().layer(Policy::ttl(STANDARD)))
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(inner, Arc::clone(&self.layer))
    }
}
