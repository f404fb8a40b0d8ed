//! The cache in front of the shop: which policy each route has, where responses are shared, what is invalidated.

use std::time::Duration;

use axum::routing::MethodRouter;
use larder::{Cache, Invalidation, Policy, ttl};
use larder_redis::{ConnectError, RedisStore};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::Args;
use crate::extract::Bearer;

/// How long the list of the highest scores is served beyond its lifetime, while one request makes it anew.
const TOP_USERS_STALE: Duration = Duration::from_secs(60);

/// The cache, and the Redis that it shares; neither with `--no-cache`.
#[derive(Debug, Clone)]
pub(crate) struct Caching {
    cache: Option<Cache>,
    redis: Option<RedisStore>,
}

impl Caching {
    /// The cache that the arguments ask for. It waits for nobody: a Redis that is away is joined when it comes.
    ///
    /// # Errors
    ///
    /// The URL of Redis cannot be right.
    pub(crate) fn open(args: &Args) -> Result<Self, ConnectError> {
        if args.no_cache {
            return Ok(Self { cache: None, redis: None });
        }
        let redis = args.redis.as_deref().map(RedisStore::connect).transpose()?;
        let builder = Cache::builder();
        let builder = match &redis {
            Some(store) => builder.shared_store(store.clone()),
            None => builder,
        };
        Ok(Self { cache: Some(builder.build()), redis })
    }

    /// These methods of a route, cached by this policy.
    pub(crate) fn route(&self, methods: MethodRouter<App>, policy: Policy) -> MethodRouter<App> {
        match &self.cache {
            Some(cache) => methods.layer(cache.layer(policy)),
            None => methods,
        }
    }

    /// Forgets what was stored, on every instance. Where Redis is away the others learn of it later.
    pub(crate) async fn invalidate(&self, what: impl Into<Invalidation>) {
        if let Some(cache) = &self.cache {
            cache.invalidate(what).await;
        }
    }

    /// Lets the cache finish what it does in the background. What it could not is told.
    pub(crate) async fn close(&self) {
        if let Some(cache) = &self.cache {
            let closed = cache.close().await;
            if !closed.is_clean() {
                tracing::warn!("the cache was closed; {closed}");
            }
        }
    }

    /// What the cache counts; nothing without one.
    pub(crate) fn stats(&self) -> Option<Value> {
        let stats = self.cache.as_ref()?.stats();
        Some(json!({
            "hits_memory": stats.hits_memory,
            "hits_shared": stats.hits_shared,
            "hit_ratio": stats.hit_ratio(),
            "stale": stats.stale,
            "misses": stats.misses,
            "bypasses": stats.bypasses,
            "collapsed": stats.collapsed,
            "refreshes": stats.refreshes,
            "refreshes_left_out": stats.refreshes_skipped,
            "fills": stats.fills,
            "fill_seconds": stats.fill_time.as_secs_f64(),
            "stored": stats.stored,
            "not_stored": stats.not_stored,
            "saved_seconds": stats.handler_time_saved.as_secs_f64(),
            "invalidations": stats.invalidations,
            "store_errors": stats.store_errors,
            "held": stats.memory_entries,
            "held_bytes": stats.memory_bytes,
        }))
    }

    /// What the Redis server counts; nothing without one, or while it cannot be reached.
    pub(crate) async fn redis_stats(&self) -> Option<Value> {
        let stats = self.redis.as_ref()?.stats().await.ok()?;
        Some(json!({ "hits": stats.hits, "misses": stats.misses, "hit_ratio": stats.hit_ratio() }))
    }
}

/// `GET /api/products`: other parameters change nothing in the answer, so they are not in the key.
///
/// The handler adds a tag for each product that it lists. A product renamed so that it now belongs into a list enters
/// that list at the end of its lifetime.
pub(crate) fn search() -> Policy {
    Policy::ttl(ttl::FREQUENT).query_only(["q", "page"]).tag("products")
}

/// `GET /api/products/{id}`
pub(crate) fn product() -> Policy {
    Policy::ttl(ttl::STANDARD).tag("product:{id}")
}

/// `GET /api/users/{id}`
pub(crate) fn user() -> Policy {
    Policy::ttl(ttl::STANDARD).key("user:{id}").tag("user:{id}")
}

/// `GET /api/users/top`
pub(crate) fn top_users() -> Policy {
    Policy::ttl(ttl::FREQUENT).stale_while_revalidate(TOP_USERS_STALE).tag("users:top")
}

/// `GET /api/me`: each user's own. Whoever does not say who they are is answered by the handler.
pub(crate) fn me() -> Policy {
    Policy::ttl(ttl::REALTIME).per_user(|parts| Some(Bearer::of(&parts.headers)?.0.to_string()))
}

/// `GET /api/countries`
pub(crate) fn countries() -> Policy {
    Policy::ttl(ttl::REFERENCE)
}
