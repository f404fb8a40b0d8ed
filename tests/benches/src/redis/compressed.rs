//! Responses that are compressed in Redis, and the same ones as they are.

use std::fmt::Debug;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use larder_redis::RedisStoreBuilder;
use larder_testing::RedisServer;
use tokio::time::sleep;
use tower::{Service, ServiceExt as _};

use super::{Load, builder, larder_over};
use crate::coded;

const RESPONSES: usize = 10_000;
const KIB: usize = 1024;
const ROUNDS: usize = 7;

/// Prints the memory of Redis for 10,000 responses of 16 KiB of JSON.
///
/// # Panics
///
/// Panics without a redis-server.
pub async fn print_memory() {
    println!("{RESPONSES} responses of 16 KiB of JSON in Redis");
    println!("{:<12}{:>24}{:>24}", "", "MEMORY USAGE, bytes", "used_memory, bytes each");
    for (name, over) in [("as they are", None), ("compressed", Some(KIB))] {
        let redis = RedisServer::start().await.expect("a redis-server");
        let service = larder_over(compressing(&redis, over), 0, coded::service(16 * KIB));
        ask(&service, "/ready").await;
        sleep(Duration::from_millis(500)).await;
        let before = used(&redis).await;
        for number in 0..RESPONSES {
            ask(&service, &format!("/products/{number}")).await;
        }
        sleep(Duration::from_secs(1)).await;
        let (all, each) = (usage(&redis).await, (used(&redis).await - before) / RESPONSES as u64);
        println!("{name:<12}{all:>24}{each:>24}");
    }
}

/// Prints the processor time of a hit in Redis, in this process.
///
/// # Panics
///
/// Panics without a redis-server.
pub async fn print_hits() {
    println!("microseconds of processor time of a hit in Redis, medians of {ROUNDS} rounds in turn");
    println!("{:<12}{:>14}{:>14}", "JSON", "as it is", "compressed");
    for length in [KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB] {
        let redis = [None, Some(512)].map(|over| async move {
            let redis = RedisServer::start().await.expect("a redis-server");
            let service = larder_over(compressing(&redis, over), 0, coded::service(length));
            (redis, service)
        });
        let [plain, packed] = redis;
        let ((_one, plain), (_other, packed)) = (plain.await, packed.await);
        let load = Load::new(1_000, length);
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            for (service, times) in [&plain, &packed].into_iter().zip(&mut times) {
                let measured = load.run(service).await;
                // The first round stores the responses.
                if round > 0 {
                    times.push(measured.micros);
                } else {
                    sleep(Duration::from_millis(500)).await;
                }
            }
        }
        let [plain, packed] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!("{:<12}{plain:>14.1}{packed:>14.1}", format!("{} KiB", length / KIB));
    }
}

fn compressing(redis: &RedisServer, over: Option<usize>) -> RedisStoreBuilder {
    let store = builder(&redis.url());
    match over {
        Some(over) => store.compress_over(over),
        None => store,
    }
}

async fn ask<S, B>(service: &S, path: &str)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Data = Bytes, Error: Debug>,
{
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let response = service.clone().oneshot(request).await.expect("a response");
    response.into_body().collect().await.expect("a whole body");
}

/// Returns the memory of all responses, as `MEMORY USAGE` shows it.
async fn usage(redis: &RedisServer) -> i64 {
    let names = redis.command(&["KEYS", "*/products/*"]).await.expect("an answer");
    let mut all = 0;
    for name in names.as_array().expect("names") {
        let name = name.as_str().expect("a text");
        let usage = redis.command(&["MEMORY", "USAGE", name]).await.expect("an answer");
        all += usage.as_integer().expect("a number");
    }
    all
}

async fn used(redis: &RedisServer) -> u64 {
    let reply = redis.command(&["INFO", "memory"]).await.expect("an answer");
    let used = reply.as_str().expect("a text").lines().find_map(|line| line.strip_prefix("used_memory:"));
    used.and_then(|number| number.trim().parse().ok()).expect("a number")
}
