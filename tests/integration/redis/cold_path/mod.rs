//! The exchanges with Redis before a handler runs, and what the claim of a lease finds there.

mod claims;
mod round_trips_of_fills;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{ACCEPT_LANGUAGE, HOST as HOST_FIELD, VARY};
use axum::http::{HeaderValue, Request, Response};
use axum::routing::get;
use http_body_util::BodyExt;
use larder::{Cache, InvalidationOutcome, Policy, Tag, ttl};
use larder_testing::RedisServer;
use larder_tests::redis::{Answer, CountingStore, HOST, TickingClock, eventually};
use tower::ServiceExt;

/// The window in which a response may be served while it is refreshed.
const WINDOW: Duration = Duration::from_secs(600);

/// Instances over one Redis, whose handlers show the same number.
struct Pair {
    redis: RedisServer,
    number: Arc<AtomicUsize>,
}

impl Pair {
    async fn new() -> Self {
        Self { redis: RedisServer::start().await.unwrap(), number: Arc::new(AtomicUsize::new(1)) }
    }

    async fn node(&self) -> Node {
        self.node_with(CountingStore::connect(&self.redis), 1 << 20).await
    }

    /// Starts an instance with this store and memory, and waits until it uses Redis.
    async fn node_with(&self, store: CountingStore, memory: u64) -> Node {
        let clock = TickingClock::default();
        let cache = Cache::builder().shared_store(store.clone()).max_memory_bytes(memory);
        let cache = cache.clock(clock.clone()).invalidation_timeout(Duration::from_secs(10)).build();
        let handler = Handler {
            number: Arc::clone(&self.number),
            store: store.clone(),
            runs: Arc::default(),
            trips: Arc::default(),
            varies: Arc::new(AtomicBool::new(true)),
        };
        let router = routes(&cache, &handler);
        let node = Node { cache, clock, store, handler, router };
        node.joins().await;
        node
    }

    fn change(&self) {
        self.number.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until no response is being stored: the last write releases the lease.
    async fn is_quiet(&self) {
        eventually("nothing is under way", async || {
            let leases = self.redis.command(&["KEYS", "*:lease"]).await.unwrap();
            leases.as_array().unwrap().is_empty()
        })
        .await;
    }
}

#[derive(Clone)]
struct Handler {
    number: Arc<AtomicUsize>,
    store: CountingStore,
    runs: Arc<AtomicUsize>,
    /// The exchanges of the store when the handler was called last.
    trips: Arc<AtomicUsize>,
    /// Whether responses in languages say that they vary.
    varies: Arc<AtomicBool>,
}

impl Handler {
    async fn show(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        self.trips.store(self.store.trips(), Ordering::SeqCst);
        self.runs.fetch_add(1, Ordering::SeqCst);
        let language = request.headers().get(ACCEPT_LANGUAGE).map_or("", |name| name.to_str().unwrap());
        let number = self.number.load(Ordering::SeqCst);
        Ok(Response::new(Body::from(format!("{number}{language}"))))
    }

    async fn show_in_language(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let varies = self.varies.load(Ordering::SeqCst);
        let mut response = self.show(request).await?;
        if varies {
            response.headers_mut().insert(VARY, HeaderValue::from_static("accept-language"));
        }
        Ok(response)
    }
}

fn routes(cache: &Cache, handler: &Handler) -> Router {
    let standard = || Policy::ttl(ttl::STANDARD).jitter(0.0).tag("number");
    let show = |policy: Policy| {
        let handler = handler.clone();
        get(move |request| handler.show(request)).layer(cache.layer(policy))
    };
    let in_language = handler.clone();
    let in_language = get(move |request| in_language.show_in_language(request));
    Router::new()
        .route("/plain/{id}", show(standard()))
        .route("/polite/{id}", show(standard().honor_request_directives()))
        .route("/patient/{id}", show(standard().stale_while_revalidate(WINDOW)))
        .route("/searched/{id}", show(standard().no_vary_search()))
        .route("/languages/{id}", in_language.layer(cache.layer(standard())))
        .route("/probe/{id}", show(Policy::ttl(ttl::STANDARD)))
}

/// One instance.
struct Node {
    cache: Cache,
    clock: TickingClock,
    store: CountingStore,
    handler: Handler,
    router: Router,
}

/// An answer, and the exchanges with Redis that it took.
struct Counted {
    text: String,
    outcome: String,
    /// The exchanges before the handler ran, or all of them if it did not.
    trips: usize,
}

impl Counted {
    fn of(&self) -> (&str, &str, usize) {
        (&self.text, &self.outcome, self.trips)
    }
}

impl Node {
    /// Waits until it uses Redis at this moment of its clock.
    async fn joins(&self) {
        eventually("it has read the log, and takes leases", async || {
            let before = self.cache.stats().leases_acquired;
            self.get(&format!("/probe/{:x}", fastrand::u64(1 << 32..))).await;
            self.cache.stats().leases_acquired > before
        })
        .await;
    }

    fn runs(&self) -> usize {
        self.handler.runs.load(Ordering::SeqCst)
    }

    /// Lets the lifetime of all responses end.
    async fn expires(&self) {
        self.clock.advance(ttl::STANDARD + Duration::from_secs(1));
        self.joins().await;
    }

    async fn invalidates(&self) {
        eventually("it is applied", async || {
            self.cache.invalidate(Tag::new("number")).await == InvalidationOutcome::Applied
        })
        .await;
    }

    /// Waits until it has read everything that was appended to the log before.
    async fn catches_up(&self) {
        eventually("it is applied", async || {
            self.cache.invalidate(Tag::new("marker")).await == InvalidationOutcome::Applied
        })
        .await;
    }

    async fn get(&self, path: &str) -> Counted {
        self.send(Request::get(path)).await
    }

    async fn get_in(&self, path: &str, language: &str) -> Counted {
        self.send(Request::get(path).header(ACCEPT_LANGUAGE, language)).await
    }

    /// Sends a request. Nothing else may be under way.
    async fn send(&self, request: axum::http::request::Builder) -> Counted {
        let request = request.header(HOST_FIELD, HOST).body(Body::empty()).unwrap();
        let (runs, before) = (self.runs(), self.store.trips());
        let begun = std::time::Instant::now();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let after =
            if self.runs() > runs { self.handler.trips.load(Ordering::SeqCst) } else { self.store.trips() };
        let answer = Answer { status: parts.status, headers: parts.headers, body, took: begun.elapsed() };
        Counted { text: answer.text().to_owned(), outcome: answer.outcome(), trips: after - before }
    }
}
