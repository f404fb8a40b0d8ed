//! An instance: a server with a cache, and its connection to Redis.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http::header::HOST as HOST_FIELD;
use http_body_util::BodyExt;
use larder::explain::Explanation;
use larder::{Cache, Invalidation, InvalidationOutcome, Tag};
use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::{Gate, Proxy, RedisServer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::client::{Answer, HOST, send};
use super::clock::TickingClock;
use super::eventually;
use super::origin::{Origin, Truth};

/// The configuration of an instance.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)]
pub struct Setup {
    /// The namespace of its keys.
    pub namespace: &'static str,
    /// The version of its responses.
    pub schema: u32,
    /// How long a request waits for Redis. Long by default, so that a slow machine does not matter.
    pub command_timeout: Duration,
    /// How long an invalidation waits. Long by default, for the same reason.
    pub invalidation_timeout: Duration,
    /// How many invalidations the log keeps.
    pub log_length: u64,
    /// The bound on staleness.
    pub max_staleness: Duration,
    /// Bytes of responses in memory.
    pub memory: u64,
    /// How many invalidated names it remembers.
    pub remembered_names: usize,
    /// The clock, or the machine's clock if there is none. By default, time stands still, so that
    /// nothing expires.
    pub clock: Option<TickingClock>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            namespace: "larder",
            schema: 1,
            command_timeout: Duration::from_secs(10),
            invalidation_timeout: Duration::from_secs(1),
            log_length: 200_000,
            max_staleness: Duration::from_secs(2),
            memory: 64 * 1024 * 1024,
            remembered_names: 65_536,
            clock: Some(TickingClock::default()),
        }
    }
}

impl Setup {
    /// A configuration like in production: the machine's clock, and the store's default limits.
    #[must_use]
    pub fn real() -> Self {
        Self {
            command_timeout: Duration::from_millis(50),
            invalidation_timeout: Duration::from_millis(100),
            clock: None,
            ..Self::default()
        }
    }
}

/// A running instance. Its server stops when dropped.
#[derive(Debug)]
pub struct Instance {
    /// Its cache, which its handlers use too.
    pub cache: Cache,
    /// Its store.
    pub store: RedisStore,
    /// The proxy to its server. It leads nowhere if the store discovers its servers.
    pub proxy: Proxy,
    /// The address that it listens on.
    pub address: SocketAddr,
    truth: Truth,
    runs: Arc<AtomicUsize>,
    holds: Arc<std::sync::Mutex<std::collections::HashMap<usize, Gate>>>,
    router: Router,
    server: JoinHandle<()>,
}

impl Instance {
    pub(super) async fn start(redis: &RedisServer, truth: &Truth, setup: Setup) -> Self {
        let proxy = Proxy::start(redis.address()).unwrap();
        let store = RedisStore::builder(&redis.url_at(proxy.address()));
        Self::over(store, proxy, truth, setup).await
    }

    /// Starts an instance with this store, which the setup configures further.
    pub(super) async fn over(store: RedisStoreBuilder, proxy: Proxy, truth: &Truth, setup: Setup) -> Self {
        let store = store
            .namespace(setup.namespace)
            .schema(setup.schema)
            .command_timeout(setup.command_timeout)
            .log_length(setup.log_length)
            .connect()
            .unwrap();
        let cache = Cache::builder()
            .shared_store(store.clone())
            .max_memory_bytes(setup.memory)
            .invalidation_capacity(setup.remembered_names)
            .invalidation_timeout(setup.invalidation_timeout)
            .max_staleness(setup.max_staleness);
        let cache = match setup.clock {
            Some(clock) => cache.clock(clock),
            None => cache,
        };
        let cache = cache.build();
        let origin = Origin {
            cache: cache.clone(),
            truth: truth.clone(),
            runs: Arc::default(),
            holds: Arc::default(),
        };
        let (runs, holds) = (Arc::clone(&origin.runs), Arc::clone(&origin.holds));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = origin.routes();
        let served = router.clone();
        let server = tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        Self { cache, store, proxy, address, truth: truth.clone(), runs, holds, router, server }
    }

    /// Waits until it has read the log and uses Redis.
    pub async fn joins(&self) {
        eventually("the instance has joined", async || {
            let path = format!("/probe/{:x}", fastrand::u64(..));
            self.get(&path).await.outcome() == "MISS never-stored"
        })
        .await;
    }

    /// Returns its router.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Sends a `GET` request.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path)).await
    }

    /// Calls the router with a `GET` request, without a connection. This allows more requests at
    /// once than a process may have sockets.
    pub fn call(&self, path: &str) -> impl Future<Output = Answer> + Send + 'static {
        let request = Request::get(path).header(HOST_FIELD, HOST).body(Body::empty()).unwrap();
        let (router, begun) = (self.router.clone(), Instant::now());
        async move {
            let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Answer { status: parts.status, headers: parts.headers, body, took: begun.elapsed() }
        }
    }

    /// Explains a `GET` request.
    pub async fn explain(&self, path: &str) -> Explanation {
        let request = Request::get(path).header(HOST_FIELD, HOST).body(Body::empty()).unwrap();
        self.cache.explain(self.router.clone(), request).await.unwrap()
    }

    /// Sends this request.
    pub async fn send(&self, request: http::request::Builder) -> Answer {
        send(self.address, request.body(Bytes::new()).unwrap()).await
    }

    /// Changes a value, and invalidates it here.
    pub async fn update(&self, id: usize) -> InvalidationOutcome {
        let _ = self.truth.change(id);
        self.invalidate(id).await
    }

    /// Changes a value, and [applies](Self::applies) the invalidation here.
    pub async fn changes(&self, id: usize) {
        let _ = self.truth.change(id);
        self.applies(Tag::new(format!("value:{id}"))).await;
    }

    /// Invalidates this here, and retries until it is applied. On a busy machine, half a second is
    /// not always enough for an event to return.
    pub async fn applies(&self, what: impl Into<Invalidation>) {
        let what = what.into();
        let applied = async || self.cache.invalidate(what.clone()).await == InvalidationOutcome::Applied;
        if !applied().await {
            eventually("it is applied", applied).await;
            self.joins().await;
        }
    }

    /// Invalidates a value here.
    pub async fn invalidate(&self, id: usize) -> InvalidationOutcome {
        self.cache.invalidate(Tag::new(format!("value:{id}"))).await
    }

    /// Waits until it has read everything that was appended to the log before.
    pub async fn catches_up(&self) {
        self.applies(Tag::new("marker")).await;
    }

    /// Returns how often its handlers read a value.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// Makes the next run for this value wait at the gate after it has read.
    #[must_use]
    pub fn hold(&self, id: usize) -> Gate {
        let gate = Gate::new();
        self.holds.lock().unwrap().insert(id, gate.clone());
        gate
    }

    /// Waits until a request for the path is a hit, and returns its answer.
    pub async fn hits(&self, path: &str) -> Answer {
        let mut last = None;
        eventually("requests are hits", async || {
            let answer = self.get(path).await;
            let hit = answer.field("x-cache") == "HIT";
            last = Some(answer);
            hit
        })
        .await;
        last.unwrap()
    }

    /// Waits until the current value is returned.
    pub async fn shows(&self, path: &str, text: &str) {
        eventually(&format!("{path} is {text}"), async || self.get(path).await.text() == text).await;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.server.abort();
    }
}
