//! Larder with everything on, and nothing kept in memory: each hit is one from Redis.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use larder::{Cache, CacheService, Policy, ttl};
use larder_redis::RedisStore;
use tower::{Layer, Service};

/// The default would open the circuit on a busy machine, and what is measured then is the handler.
const PATIENCE: Duration = Duration::from_secs(5);

/// Larder's service over `origin`, with the Redis at `url` as its only tier.
///
/// # Panics
///
/// If the URL cannot be right, or outside of a Tokio runtime.
pub fn larder<S>(url: &str, origin: S) -> CacheService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let store = RedisStore::builder(url).command_timeout(PATIENCE).connect().expect("a store");
    let cache = Cache::builder().max_memory_bytes(0).shared_store(store).build();
    cache.layer(Policy::ttl(ttl::STANDARD)).layer(origin)
}
