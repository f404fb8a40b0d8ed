//! Prints the bytes that one hit in Redis allocates, by the size of its body.
#![allow(clippy::expect_used, clippy::panic, reason = "without Redis there is nothing to measure")]

use std::fmt::Debug;
use std::time::Duration;

use allocation_counter::measure;
use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use larder_bench::redis::{builder, handwritten, larder_over};
use larder_hit_costs::origin;
use larder_testing::RedisServer;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use tower::{Service, ServiceExt as _};

const KIB: usize = 1024;
/// The number of hits of which the mean is taken, each for a key of its own.
const HITS: usize = 8;
/// The number of all keys that are in Redis.
const KEYS: usize = 2 * HITS;

fn main() {
    println!("bytes that one hit in Redis allocates, on one thread");
    println!("{:<10}{:>14}{:>14}{:>14}{:>14}", "body", "by hand", "passed on", "kept", "too large");
    for body in [64 * KIB, 1024 * KIB, 8 * 1024 * KIB] {
        let Allocated { by_hand, passed_on, kept, too_large } = allocated(body);
        println!("{body:<10}{by_hand:>14}{passed_on:>14}{kept:>14}{too_large:>14}");
    }
}

/// The bytes that one hit allocates.
struct Allocated {
    /// The handwritten layer.
    by_hand: u64,
    /// Larder without a memory tier: the response is passed on.
    passed_on: u64,
    /// Larder with a memory tier, into which the response goes.
    kept: u64,
    /// Larder with a memory tier that is too small for the response.
    too_large: u64,
}

/// Counts the bytes that a hit with a body of this length allocates.
fn allocated(body: usize) -> Allocated {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let redis = runtime.block_on(RedisServer::start()).expect("a redis-server");
    let url = redis.url();
    let by_hand = runtime.block_on(handwritten(&url, origin::service(body)));
    let larder = |memory| {
        let _entered = runtime.enter();
        larder_over(builder(&url), memory, origin::service(body))
    };
    let passed_on = larder(0);
    runtime.block_on(async {
        warm(&by_hand).await;
        warm(&passed_on).await;
    });
    let joined = |memory| {
        let service = larder(memory);
        runtime.block_on(join(&service));
        service
    };
    Allocated {
        by_hand: count(&runtime, &by_hand),
        passed_on: count(&runtime, &passed_on),
        kept: count(&runtime, &joined(1 << 30)),
        too_large: count(&runtime, &joined(body as u64 / 4)),
    }
}

/// Sends requests for all keys, until the responses are in Redis.
async fn warm<S, B>(service: &S)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Data = Bytes, Error: Debug>,
{
    for key in 0..KEYS {
        while !is_hit(service, key).await {
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Sends requests for keys that are not counted, until the first request for one is a hit.
async fn join<S, B>(service: &S)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Data = Bytes, Error: Debug>,
{
    for key in HITS..KEYS {
        if is_hit(service, key).await {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not use Redis");
}

fn count<S, B>(runtime: &Runtime, service: &S) -> u64
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Data = Bytes, Error: Debug>,
{
    let ask_all = async || {
        for key in 0..HITS {
            assert!(is_hit(service, key).await, "key {key}");
        }
    };
    let counted = measure(|| runtime.block_on(ask_all()));
    counted.bytes_total / HITS as u64
}

/// Sends a request, and returns whether it was answered without the handler.
async fn is_hit<S, B>(service: &S, key: usize) -> bool
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Data = Bytes, Error: Debug>,
{
    let filled = origin::runs();
    let request = Request::get(format!("/products/{key}")).body(Body::empty()).expect("a request");
    let response = service.clone().oneshot(request).await.expect("a response");
    response.into_body().collect().await.expect("a whole body");
    origin::runs() == filled
}
