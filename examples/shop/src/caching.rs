//! The cache in front of the shop: the policy of each route, the shared store, and invalidation.

use std::time::Duration;

use axum::routing::MethodRouter;
use larder::redis::{ConnectError, RedisStore};
use larder::values::ValueStats;
use larder::{Cache, Invalidation, Policy, ttl};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::args::Args;
use crate::recommendations::shelf_of;
use crate::sessions::SignedIn;

/// How long the list of top users may be served stale while one request refreshes it.
const TOP_USERS_STALE: Duration = Duration::from_secs(60);

/// The cache, and the Redis that it shares.
#[derive(Debug, Clone)]
pub(crate) struct Caching {
    cache: Cache,
    /// Whether this is a cache at all: not with `--no-cache`.
    is_enabled: bool,
    redis: Option<RedisStore>,
}

impl Caching {
    /// Creates the cache for these arguments. This does not wait for Redis: an unreachable Redis is
    /// connected when it becomes available.
    ///
    /// # Errors
    ///
    /// Fails if the URL of Redis is invalid.
    pub(crate) fn open(args: &Args) -> Result<Self, ConnectError> {
        if args.no_cache {
            return Ok(Self { cache: Cache::disabled(), is_enabled: false, redis: None });
        }
        let redis = args.redis.as_deref().map(RedisStore::connect).transpose()?;
        let builder = Cache::builder().max_memory_bytes(args.memory_bytes).count_top_keys();
        let builder = match &redis {
            // The queue is in the same Redis. Settings that make it durable slow the cache as well,
            // so a busy shop has two.
            Some(store) => builder.shared_store(store.clone()).write_queue(store.clone()),
            None => builder,
        };
        Ok(Self { cache: builder.build(), is_enabled: true, redis })
    }

    /// Returns the cache, for values. It is disabled with `--no-cache`.
    pub(crate) const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Whether there is a cache: not with `--no-cache`.
    pub(crate) const fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Whether instances share a Redis.
    pub(crate) const fn has_redis(&self) -> bool {
        self.redis.is_some()
    }

    /// Adds a cache with this policy to the methods of a route.
    pub(crate) fn route(&self, methods: MethodRouter<App>, policy: Policy) -> MethodRouter<App> {
        if self.is_enabled { methods.layer(self.cache.layer(policy)) } else { methods }
    }

    /// Invalidates stored responses and values on every instance. If Redis is unreachable, the
    /// other instances apply it later.
    pub(crate) async fn invalidate(&self, what: impl Into<Invalidation>) {
        let _ = self.cache.invalidate(what).await;
    }

    /// Waits until the cache can use Redis. Logs a warning if it cannot in time.
    pub(crate) async fn ready(&self, within: Duration) {
        if let Err(error) = self.cache.ready(within).await {
            tracing::warn!(%error, "starting without Redis");
        }
    }

    /// Lets the cache finish its background work. Logs a warning if work is left.
    pub(crate) async fn close(&self) {
        let closed = self.cache.close().await;
        if !closed.is_clean() {
            tracing::warn!("the cache was closed; {closed}");
        }
    }

    /// Returns the counters of the cache, if there is one.
    pub(crate) fn stats(&self) -> Option<Value> {
        let stats = self.is_enabled.then(|| self.cache.stats())?;
        Some(json!({
            "hits_memory": stats.hits_memory,
            "hits_shared": stats.hits_shared,
            "hit_ratio": stats.hit_ratio(),
            "stale": stats.stale,
            "misses": stats.misses,
            "bypasses": stats.bypasses,
            "collapsed": stats.collapsed,
            "refreshes": stats.refreshes,
            "refreshes_skipped": stats.refreshes_skipped,
            "fills": stats.fills,
            "fill_seconds": stats.fill_time.as_secs_f64(),
            "stored": stats.stored,
            "not_stored": stats.not_stored,
            "handler_seconds_saved": stats.handler_time_saved.as_secs_f64(),
            "invalidations": stats.invalidations,
            "store_errors": stats.store_errors,
            "memory_entries": stats.memory_entries,
            "memory_bytes": stats.memory_bytes,
            "values": stats.values.iter().map(value_counters).collect::<Map<_, _>>(),
        }))
    }

    /// Returns the counters of the Redis server, if there is one and it can be reached.
    pub(crate) async fn redis_stats(&self) -> Option<Value> {
        let stats = self.redis.as_ref()?.stats().await.ok()?;
        Some(json!({
            "hits": stats.hits,
            "misses": stats.misses,
            "hit_ratio": stats.hit_ratio(),
            "evicted_keys": stats.evicted_keys,
            "memory_used": stats.memory_used,
            "memory_limit": stats.memory_limit,
            "fragmentation": stats.fragmentation(),
        }))
    }
}

/// Returns the name of a collection of values, and its counters.
fn value_counters((name, stats): (&String, &ValueStats)) -> (String, Value) {
    let counters = json!({
        "hits_memory": stats.hits_memory,
        "hits_shared": stats.hits_shared,
        "stale": stats.stale,
        "misses": stats.misses,
        "bypasses": stats.bypasses,
        "collapsed": stats.collapsed,
        "loads": stats.loads,
        "failed_loads": stats.failed_loads,
        "load_seconds": stats.load_time.as_secs_f64(),
        "refreshes": stats.refreshes,
        "writes": stats.writes,
        "cached_writes": stats.cached_writes,
        "stored": stats.stored,
        "not_stored": stats.not_stored,
        "not_shared": stats.not_shared,
        "memory_entries": stats.memory_entries,
        "memory_bytes": stats.memory_bytes,
    });
    (name.clone(), counters)
}

/// `GET /api/products`: other parameters do not change the response, so they are not in the key.
///
/// The handler adds a tag for each product in the list. If a rename makes another product match,
/// that product appears when the list expires.
pub(crate) fn search() -> Policy {
    Policy::ttl(ttl::FREQUENT).query_only(["q", "page"]).tag("products")
}

/// `GET /api/products/{id}`
pub(crate) fn product() -> Policy {
    Policy::ttl(ttl::STANDARD).tag("product:{id}")
}

/// `GET /api/products/{id}/related`: a write of any product on the shelf invalidates it.
///
/// The tag is that of the policy, not of the handler. It is then known before the handler runs,
/// and the handler gets no product value from before such a write.
pub(crate) fn related() -> Policy {
    Policy::ttl(ttl::FREQUENT).tag_with(|request| {
        let id = request.param("id").and_then(|id| id.parse().ok());
        id.map(|id| format!("shelf:{}", shelf_of(id)))
    })
}

/// `GET /api/users/{id}`: the host, the path and the query are not in the key.
pub(crate) fn user() -> Policy {
    Policy::ttl(ttl::STANDARD).key("user:{id}").ignore_query().tag("user:{id}")
}

/// `GET /api/users/top`
pub(crate) fn top_users() -> Policy {
    Policy::ttl(ttl::FREQUENT).stale_while_revalidate(TOP_USERS_STALE).tag("users:top")
}

/// `GET /api/me`: one response per user, whose session a layer around the cache has verified.
///
/// The tag removes everything that is stored for the user, whatever the route.
pub(crate) fn me() -> Policy {
    Policy::ttl(ttl::REALTIME)
        .per_user(|parts| Some(parts.extensions.get::<SignedIn>()?.user.to_string()))
        .tag("user:{user}")
}

/// `GET /api/countries`
pub(crate) fn countries() -> Policy {
    Policy::ttl(ttl::REFERENCE)
}
