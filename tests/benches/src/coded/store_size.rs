//! The memory of Redis for many responses, which several kinds of clients request.

use std::fmt::Debug;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use larder::{Cache, Policy, ttl};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::task::yield_now;
use tokio::time::sleep;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _};
use tower_http::compression::CompressionLayer;

use super::{BROWSER, policy, service};

const RESPONSES: usize = 10_000;
/// A browser, a program that knows gzip alone, and one that decodes nothing.
const CLIENTS: [&str; 3] = [BROWSER, "gzip", "identity"];

/// Prints the memory of Redis for 10,000 responses of 16 KiB of JSON, for three kinds of clients.
///
/// # Panics
///
/// Panics without a redis-server.
pub async fn print_store_sizes() {
    println!(
        "bytes of Redis for each of {RESPONSES} responses of 16 KiB of JSON, for three kinds of clients"
    );
    let plain = || Policy::ttl(ttl::STANDARD);
    let (redis, cache) = empty().await;
    let service = cache.layer(policy()).layer(service(16 * 1024));
    print("encode", &redis, service).await;
    let (redis, cache) = empty().await;
    let service = ServiceBuilder::new().layer(CompressionLayer::new()).layer(cache.layer(plain()));
    print("outside", &redis, service.service(super::service(16 * 1024))).await;
    let (redis, cache) = empty().await;
    let service = ServiceBuilder::new().layer(cache.layer(plain())).layer(CompressionLayer::new());
    print("inside", &redis, service.service(super::service(16 * 1024))).await;
}

async fn empty() -> (RedisServer, Cache) {
    let redis = RedisServer::start().await.expect("a redis-server");
    let timeout = Duration::from_secs(10);
    let store = RedisStore::builder(&redis.url()).command_timeout(timeout).connect().expect("a store");
    let cache = Cache::builder().shared_store(store).max_memory_bytes(1024 * 1024 * 1024).build();
    cache.ready(timeout).await.expect("it is ready");
    (redis, cache)
}

async fn print<S, B>(name: &str, redis: &RedisServer, service: S)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Error: Debug>,
{
    let before = used(redis).await;
    for number in 0..RESPONSES {
        for codings in CLIENTS {
            let request = || {
                let request = Request::get(format!("/products/{number}")).header(ACCEPT_ENCODING, codings);
                request.body(Body::empty()).expect("a request")
            };
            // A client comes again until it gets what it prefers.
            loop {
                let response = service.clone().oneshot(request()).await.expect("a response");
                let is_coded = response.headers().contains_key(CONTENT_ENCODING);
                response.into_body().collect().await.expect("a whole body");
                if is_coded == (codings != "identity") {
                    break;
                }
                yield_now().await;
            }
        }
    }
    // Until nothing is written any more.
    let mut keys = 0;
    loop {
        sleep(Duration::from_millis(500)).await;
        let now = redis.command(&["DBSIZE"]).await.expect("an answer").as_integer().expect("a number");
        if now == std::mem::replace(&mut keys, now) {
            break;
        }
    }
    let bytes = (used(redis).await - before) / RESPONSES as f64;
    println!("  {name:<8}{bytes:>8.0} bytes, {:.2} keys", keys as f64 / RESPONSES as f64);
}

async fn used(redis: &RedisServer) -> f64 {
    let reply = redis.command(&["INFO", "memory"]).await.expect("an answer");
    let text = reply.as_str().expect("a text").to_owned();
    let used = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
    used.and_then(|number| number.trim().parse().ok()).expect("a number")
}
