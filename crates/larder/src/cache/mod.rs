//! The cache itself: a handle that is cloned wherever it is needed.

pub(crate) mod builder;
pub(crate) mod close;
pub(crate) mod layer;

use std::sync::Arc;

use larder_core::log::tail::Tail;
use larder_core::log::token::Token;

use crate::cache::builder::CacheBuilder;
use crate::cache::close::{CloseReport, close};
use crate::cache::layer::CacheLayer;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::engine::report::stats::Stats;
use crate::engine::shared::Engine;
use crate::http::http_state::HttpState;
use crate::http::policy::Policy;
use crate::http::policy::error::ConfigError;

/// An HTTP response cache, shared by the layers made of it and by the handlers that invalidate.
///
/// Cloning it is cheap and gives another handle to the same cache. It lives as long as a handle or layer of it.
#[derive(Clone)]
pub struct Cache {
    engine: Arc<Engine>,
    http: Arc<HttpState>,
}

impl Cache {
    /// Options for a cache.
    #[must_use]
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// A layer that caches what goes through it, by this policy.
    ///
    /// # Panics
    /// If the policy cannot be right, as `Router::route` does for such a path: at start-up, naming the value. Where
    /// policies are not written in the code but read from somewhere, use [`try_layer`](Self::try_layer).
    #[must_use]
    #[allow(clippy::panic)] // Said in the documentation; no request gets here.
    pub fn layer(&self, policy: Policy) -> CacheLayer {
        match self.try_layer(policy) {
            Ok(layer) => layer,
            Err(error) => panic!("this cache policy cannot be right: {error}"),
        }
    }

    /// A layer that caches what goes through it, by this policy.
    ///
    /// # Errors
    /// If the policy cannot be right.
    pub fn try_layer(&self, policy: Policy) -> Result<CacheLayer, ConfigError> {
        Ok(CacheLayer::over(Arc::clone(&self.engine), Arc::clone(&self.http), policy.validate()?))
    }

    /// What the cache did so far, and what it holds. [`Stats`] also names the metrics and the spans that tell of it.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine.report.stats(self.http.memory.usage())
    }

    /// Invalidates, and tells how far that got.
    ///
    /// When the future is done, this instance does not serve again what was named, whatever is in flight. Call it
    /// after the write is committed. Dropping the future does not take the invalidation back.
    ///
    /// With a shared store it takes about as long as two exchanges with it; while the store is away, at most half a
    /// second and usually no time.
    pub async fn invalidate(&self, what: impl Into<Invalidation>) -> InvalidationOutcome {
        invalidate(&self.engine, what.into()).await
    }

    /// Ends what goes on in the background: for the time between the last request and the end of the process.
    ///
    /// No refresh begins any more. Fills, refreshes and writes that are under way are waited for, deferred invalidations
    /// are appended if the shared store can be reached, and its connections are ended, for all handles of this cache
    /// and of the store. It takes as long as that does, and at most [as long as was said](CacheBuilder::close_timeout);
    /// what was left undone then is told.
    ///
    /// The cache can be used all the same. Requests are answered from memory for as long as what is known of the
    /// invalidation log may be believed, and then by their handlers; what is invalidated is
    /// [`Deferred`](crate::InvalidationOutcome::Deferred), for ever.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use larder::Cache;
    ///
    /// let cache = Cache::default();
    /// // … serve until the process is asked to end, and then:
    /// let closed = cache.close().await;
    /// if !closed.is_clean() {
    ///     eprintln!("{closed}");
    /// }
    /// # });
    /// ```
    pub async fn close(&self) -> CloseReport {
        close(&self.engine, self.engine.close_timeout).await
    }

    /// How much of the invalidation log this instance knows now. Taken after [`invalidate`](Self::invalidate), it covers
    /// that invalidation and all before it.
    ///
    /// Responses to unsafe requests that go through a layer carry it by themselves where the policy says
    /// [`read_your_writes`](Policy::read_your_writes). This is for writes that do not:
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use larder::{Cache, Tag};
    ///
    /// # let cache = Cache::default();
    /// cache.invalidate(Tag::new("product:42")).await;
    /// let answer = ([("larder-token", cache.token().to_string())], "saved");
    /// # });
    /// ```
    #[must_use]
    pub fn token(&self) -> Token {
        self.engine.log.read(Tail::token)
    }
}

impl Cache {
    pub(crate) const fn of(engine: Arc<Engine>, http: Arc<HttpState>) -> Self {
        Self { engine, http }
    }
}

impl Default for Cache {
    /// A cache in this process's memory, with the defaults of [`CacheBuilder`].
    fn default() -> Self {
        CacheBuilder::default().build()
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("shared", &self.engine.store.is_some()).finish_non_exhaustive()
    }
}
