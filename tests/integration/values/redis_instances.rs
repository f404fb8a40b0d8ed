//! Instances whose queue and shared store are one Redis.

use std::time::Duration;

use larder::Cache;
use larder_redis::RedisStore;
use larder_testing::RedisServer;

use crate::support::{joins, ready};

pub(crate) async fn redis() -> RedisServer {
    RedisServer::start().await.unwrap()
}

/// Returns an instance that uses the Redis at this URL, once it trusts it.
pub(crate) async fn at(url: &str, timeout: Duration) -> Cache {
    let store = RedisStore::builder(url).command_timeout(timeout).connect().unwrap();
    let cache = ready(Cache::builder().write_queue(store.clone()).shared_store(store)).await;
    joins(&cache.values("probe").build().unwrap()).await;
    cache
}

/// Returns an instance whose commands may take as long as a slow machine needs.
pub(crate) async fn instance(redis: &RedisServer) -> Cache {
    at(&redis.url(), Duration::from_secs(10)).await
}
