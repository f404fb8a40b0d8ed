//! The Tower layer that carries out invalidations and caches nothing.

use std::sync::Arc;

use tower_layer::Layer;

use crate::cache::Cache;
use crate::engine::shared::Engine;
use crate::engine::ttl;
use crate::http::policy::Policy;
use crate::http::policy::read_your_writes::ReadYourWrites;
use crate::http::service::invalidation_service::InvalidationService;

/// A [`Layer`] that carries out the invalidations in responses, and caches nothing.
///
/// [`Cache::invalidation_layer`] creates it. It is for routes without a [`CacheLayer`], such as
/// routes that only have writes, and for whole applications. It acts on an
/// [`Invalidation`](crate::Invalidation) in the response to any method, before the response is
/// sent. It does not invalidate the URI of a write: a `CacheLayer` does that.
///
/// A part on which a layer further in has acted for the same cache is not carried out again.
///
/// The handler of an unsafe method runs to its end even if its client disconnects, within
/// [`max_abandoned_writes`](crate::CacheBuilder::max_abandoned_writes). So it runs in a task of its
/// own, where task-local values of the caller are not visible.
///
/// [`CacheLayer`]: crate::CacheLayer
///
/// # Examples
///
/// ```
/// use axum::{Router, extract::Path, routing::{get, post}};
/// use larder::{Cache, Invalidation, Policy, ttl};
///
/// async fn rename(Path(id): Path<u64>) -> Invalidation {
///     // … commit the write to the database, and then:
///     Invalidation::tag(format!("product:{id}"))
/// }
///
/// let cache = Cache::default();
/// let product = get(async || "a product").layer(cache.layer(Policy::ttl(ttl::STANDARD)));
/// let app: Router = Router::new()
///     .route("/products/{id}", product)
///     .route("/products/{id}/name", post(rename))
///     .layer(cache.invalidation_layer());
/// ```
#[derive(Debug, Clone)]
pub struct InvalidationLayer {
    engine: Arc<Engine>,
    own_writes: Option<Arc<ReadYourWrites>>,
}

impl InvalidationLayer {
    /// Lets clients read their own writes at once: see [`ReadYourWrites`].
    ///
    /// The response to each request with an unsafe method then carries a token, as with
    /// [`Policy::read_your_writes`]. Use the same options as in the policies of the routes that
    /// the clients read.
    ///
    /// Default: off.
    ///
    /// # Panics
    ///
    /// Panics if the options are invalid, as [`Cache::layer`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Cache, ReadYourWrites};
    ///
    /// let cache = Cache::default();
    /// let layer = cache.invalidation_layer().read_your_writes(ReadYourWrites::cookie("__Host-seen"));
    /// ```
    #[must_use]
    #[allow(clippy::panic)] // This is documented above, and no request gets here.
    pub fn read_your_writes(self, options: ReadYourWrites) -> Self {
        // A policy has the rules for valid options.
        if let Err(error) = Policy::ttl(ttl::STANDARD).read_your_writes(options.clone()).validate() {
            panic!("invalid invalidation layer: {error}");
        }
        Self { own_writes: Some(Arc::new(options)), ..self }
    }

    pub(super) const fn over(engine: Arc<Engine>) -> Self {
        Self { engine, own_writes: None }
    }
}

impl<S> Layer<S> for InvalidationLayer {
    type Service = InvalidationService<S>;

    fn layer(&self, inner: S) -> InvalidationService<S> {
        InvalidationService::new(inner, Arc::clone(&self.engine), self.own_writes.clone())
    }
}

/// Methods for writes that go through no layer of this cache.
impl Cache {
    /// Creates a layer that carries out the invalidations in responses, and caches nothing.
    ///
    /// Put it around a router or a whole application whose handlers return an
    /// [`Invalidation`](crate::Invalidation). See [`InvalidationLayer`].
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, routing::post};
    /// use larder::{Cache, Invalidation};
    ///
    /// let cache = Cache::default();
    /// let app: Router = Router::new()
    ///     .route("/import", post(async || Invalidation::tag("products")))
    ///     .layer(cache.invalidation_layer());
    /// ```
    #[must_use]
    pub fn invalidation_layer(&self) -> InvalidationLayer {
        InvalidationLayer::over(Arc::clone(&self.engine))
    }
}
