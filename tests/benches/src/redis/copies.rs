//! The memory that one hit in Redis allocates, by the size of its body.

use std::fmt::Debug;

use allocation_counter::measure;
use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use larder_hit_costs::origin;
use larder_testing::RedisServer;
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt as _};

use super::{builder, handwritten, larder, larder_over, warm};

/// The number of hits of which the mean is taken, each for a key of its own.
const HITS: u32 = 8;

/// The bytes that one hit allocates, on the thread on which everything runs.
#[derive(Debug, Clone, Copy)]
pub struct Allocated {
    /// The handwritten layer.
    pub by_hand: u64,
    /// Larder without a memory tier: the response is passed on.
    pub passed_on: u64,
    /// Larder with a memory tier, into which the response goes.
    pub kept: u64,
    /// Larder with a memory tier that is too small for the response.
    pub too_large: u64,
}

/// Counts the bytes that a hit with a body of this length allocates.
///
/// # Panics
///
/// Panics without a redis-server.
#[must_use]
pub fn allocated(body: usize) -> Allocated {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let redis = runtime.block_on(RedisServer::start()).expect("a redis-server");
    let url = redis.url();
    let by_hand = runtime.block_on(handwritten(&url, origin::service(body)));
    let service = |memory| {
        let _entered = runtime.enter();
        match memory {
            0 => larder(&url, origin::service(body)),
            memory => larder_over(builder(&url), memory, origin::service(body)),
        }
    };
    let passed_on = service(0);
    runtime.block_on(async {
        warm(&by_hand).await;
        warm(&passed_on).await;
    });
    let of_a_new_one = |memory| {
        let service = service(memory);
        // Its own key, until it uses Redis.
        runtime.block_on(async {
            while !is_hit(&service, "/products/63").await {
                tokio::task::yield_now().await;
            }
        });
        count(&runtime, &service)
    };
    Allocated {
        by_hand: count(&runtime, &by_hand),
        passed_on: count(&runtime, &passed_on),
        kept: of_a_new_one(1 << 30),
        too_large: of_a_new_one(body as u64 / 2),
    }
}

fn count<S, B>(runtime: &Runtime, service: &S) -> u64
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Data = Bytes, Error: Debug>,
{
    let ask_all = async || {
        for key in 0..HITS {
            assert!(is_hit(service, &format!("/products/{key}")).await, "key {key}");
        }
    };
    let counted = measure(|| runtime.block_on(ask_all()));
    counted.bytes_total / u64::from(HITS)
}

/// Sends a request, and returns whether it was answered without the handler.
async fn is_hit<S, B>(service: &S, path: &str) -> bool
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Data = Bytes, Error: Debug>,
{
    let filled = origin::runs();
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let response = service.clone().oneshot(request).await.expect("a response");
    response.into_body().collect().await.expect("a whole body");
    origin::runs() == filled
}
