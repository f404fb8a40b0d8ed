//! Larder with all features, and no memory tier: each hit is a hit in Redis.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use larder::{Cache, CacheService, Policy, ttl};
use larder_redis::RedisStore;
use tower::{Layer, Service};

/// With the default, the circuit could open on a busy machine, and the measurement would be of the
/// handler.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns Larder's service over `origin`, with the Redis at `url` as its only tier.
///
/// # Panics
///
/// Panics if the URL is invalid, or outside of a Tokio runtime.
pub fn larder<S>(url: &str, origin: S) -> CacheService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let store = RedisStore::builder(url).command_timeout(COMMAND_TIMEOUT).connect().expect("a store");
    let cache = Cache::builder().max_memory_bytes(0).shared_store(store).build();
    cache.layer(Policy::ttl(ttl::STANDARD)).layer(origin)
}
