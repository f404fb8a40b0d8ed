//! Many stored responses: what they take in memory, and what their hits cost.

use std::convert::Infallible;
use std::fmt::Debug;
use std::hint::black_box;
use std::ops::Range;

use axum::body::{Body, HttpBody};
use axum::http::header::{ETAG, HeaderValue, LAST_MODIFIED};
use axum::http::{Request, Response};
use axum_response_cache::CacheLayer as PeerLayer;
use clap::ValueEnum;
use http_body_util::BodyExt;
use larder::{Cache, Policy};
use tokio::runtime::Runtime;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::case::HOUR;
use crate::hit::ready;
use crate::least::LeastLayer;
use crate::origin;

/// The layer that stores the responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Storage {
    /// Larder.
    Larder,
    /// The least that a layer could do. It stores the path and the response, and nothing else.
    Least,
    /// axum-response-cache.
    Peer,
}

/// The header fields of the stored responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Values {
    /// The six fields of the other cases, with the same values for all keys.
    ///
    /// They are constants of the program, so no entry has a copy of them.
    Constant,
    /// The same six fields. Each response has an `ETag` and a `Last-Modified` of its own.
    Own,
}

/// The stored responses: how many bytes they may take, and what is in them.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The layer.
    pub storage: Storage,
    /// The header fields.
    pub values: Values,
    /// The length of each body.
    pub body: usize,
    /// The bound on the memory of Larder, in bytes.
    pub max_bytes: u64,
}

type Fill = Box<dyn Fn(&Runtime, Range<u64>)>;

/// Responses behind a layer. Each has a number.
pub struct Entries {
    cache: Option<Cache>,
    fill: Fill,
    hit: Box<dyn Fn(u64)>,
}

impl Entries {
    /// Creates an empty layer. A runtime must be entered.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let origin = origin_of(shape);
        match shape.storage {
            Storage::Larder => {
                let cache = Cache::builder().max_memory_bytes(shape.max_bytes).build();
                Self { cache: Some(cache.clone()), ..Self::of(cache.layer(Policy::ttl(HOUR)).layer(origin)) }
            }
            Storage::Least => Self::of(LeastLayer::of(LEAST_CAPACITY).layer(origin)),
            Storage::Peer => Self::of(PeerLayer::with_lifespan(HOUR).layer(origin)),
        }
    }

    fn of<S, B>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone + 'static,
        B: HttpBody<Error: Debug>,
    {
        let hits = service.clone();
        Self {
            cache: None,
            fill: Box::new(move |runtime, numbers| {
                runtime.block_on(async {
                    for number in numbers {
                        let response = service.clone().oneshot(request(number)).await.expect("a response");
                        response.into_body().collect().await.expect("a whole body");
                    }
                });
            }),
            hit: Box::new(move |number| {
                black_box(ready(hits.clone().oneshot(request(number))).expect("a response"));
            }),
        }
    }

    /// Requests these responses, which are then stored.
    pub fn fill(&self, runtime: &Runtime, numbers: Range<u64>) {
        (self.fill)(runtime, numbers);
    }

    /// Requests one that is stored.
    pub fn hit(&self, number: u64) {
        (self.hit)(number);
    }

    /// Returns how many responses Larder has, and how many bytes they take by its own count.
    #[must_use]
    pub fn counted(&self) -> Option<(u64, u64)> {
        let stats = self.cache.as_ref()?.stats();
        Some((stats.memory_entries, stats.memory_bytes))
    }
}

/// More entries than are ever stored.
const LEAST_CAPACITY: usize = 1 << 26;

/// Returns the number that a permutation of the numbers below `keys` has at `turn`, nearly at
/// random. The next one is far away, so no cache of the processor has it by chance.
#[must_use]
pub const fn scattered(turn: u64, keys: u64) -> u64 {
    turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) % keys
}

fn request(number: u64) -> Request<Body> {
    Request::get(format!("/products/{number:08}")).body(Body::empty()).expect("a request")
}

fn origin_of(
    shape: Shape,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(move |request| respond(request, shape))
}

/// The handler. Each body has a buffer of its own, as in an application.
async fn respond(request: Request<Body>, shape: Shape) -> Result<Response<Body>, Infallible> {
    let mut response = origin::respond(origin::body(shape.body)).await?;
    if shape.values == Values::Own {
        let number: u64 = request.uri().path().rsplit('/').next().map_or(0, |last| last.parse().unwrap_or(0));
        let (minute, second) = (number / 60 % 60, number % 60);
        let value = |text: String| HeaderValue::try_from(text).expect("a value");
        let headers = response.headers_mut();
        headers.insert(ETAG, value(format!("\"{number:010x}\"")));
        headers.insert(LAST_MODIFIED, value(format!("Sun, 01 Nov 2026 08:{minute:02}:{second:02} GMT")));
    }
    Ok(response)
}
