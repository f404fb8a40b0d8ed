//! Larder with everything on, and nothing kept in memory: each hit is one from Redis.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{Request, Response};
use larder::{Cache, CacheService, Policy, ttl};
use larder_redis::RedisStore;
use tower::{Layer, Service};

/// Larder's service over `origin`, with the Redis at `url` as its only tier.
///
/// # Panics
///
/// If the URL cannot be right.
pub fn larder<S>(url: &str, origin: S) -> CacheService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let store = RedisStore::connect(url).expect("a URL");
    let cache = Cache::builder().memory(0).shared(store).build();
    cache.layer(Policy::ttl(ttl::STANDARD)).layer(origin)
}
