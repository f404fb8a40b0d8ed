//! Larder with all features. Without a memory tier, each hit is a hit in Redis.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use larder::{Cache, CacheService, Policy, ttl};
use larder_redis::{RedisStore, RedisStoreBuilder};
use tower::{Layer, Service};

/// With the default, the circuit could open on a busy machine, and the measurement would be of the
/// handler.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum size of a body. The largest one that is measured has 8 MiB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Returns Larder's service over `origin`, with the Redis at `url` as its only tier.
///
/// # Panics
///
/// Panics if the URL is invalid, or outside of a Tokio runtime.
pub fn larder<S>(url: &str, origin: S) -> CacheService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    larder_over(builder(url), 0, origin)
}

/// Returns Larder's service over `origin`, with this store and this many bytes of memory.
///
/// # Panics
///
/// Panics if the URL of the store is invalid, or outside of a Tokio runtime.
pub fn larder_over<S>(store: RedisStoreBuilder, memory: u64, origin: S) -> CacheService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let store = store.connect().expect("a store");
    let cache = Cache::builder().max_memory_bytes(memory).shared_store(store).build();
    cache.layer(Policy::ttl(ttl::STANDARD).max_body(MAX_BODY)).layer(origin)
}

/// Returns the builder of a store in the Redis at `url`.
pub fn builder(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).command_timeout(COMMAND_TIMEOUT)
}
