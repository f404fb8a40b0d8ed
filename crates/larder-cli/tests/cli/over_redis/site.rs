//! A Redis, instances of an application on it, and the program.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use larder::redis::RedisStore;
use larder::{Cache, Policy};
use larder_testing::{RedisBuilder, RedisServer};
use serde_json::Value;
use tower::ServiceExt;

pub(super) const HOUR: Duration = Duration::from_secs(3600);
/// The limit only ends failed tests.
const LIMIT: Duration = Duration::from_secs(60);

/// A Redis, and the version of the data that the handlers return.
pub(super) struct Site {
    pub(super) redis: RedisServer,
    url: String,
    version: Arc<AtomicU64>,
}

/// An instance of the application.
pub(super) struct Instance {
    pub(super) cache: Cache,
    router: Router,
}

/// The output of the program, and how it ended.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Site {
    pub(super) async fn new() -> Self {
        Self::of(RedisServer::builder(), "").await
    }

    /// Starts a Redis with these settings, for a user such as `larder:secret@`.
    pub(super) async fn of(redis: RedisBuilder, user: &str) -> Self {
        let redis = redis.start().await.unwrap();
        let url = format!("redis://{user}{}", redis.address());
        Self { redis, url, version: Arc::new(AtomicU64::new(1)) }
    }

    pub(super) async fn instance(&self) -> Instance {
        self.instance_in("larder").await
    }

    /// Starts an instance in a namespace, and waits until it uses Redis.
    pub(super) async fn instance_in(&self, namespace: &str) -> Instance {
        let store = RedisStore::builder(&self.url).namespace(namespace).command_timeout(LIMIT);
        let cache = Cache::builder().shared_store(store.connect().unwrap()).build();
        cache.ready(LIMIT).await.unwrap();
        let policy = || Policy::ttl(HOUR).jitter(0.0).tag("product:{id}");
        let version = Arc::clone(&self.version);
        let show = get(async move || version.load(Ordering::SeqCst).to_string());
        let probe = get(async || "").layer(cache.layer(policy()));
        let product = show.layer(cache.layer(policy()));
        let router = Router::new().route("/products/{id}", product).route("/probe/{id}", probe);
        let instance = Instance { cache, router };
        instance.uses_redis().await;
        instance
    }

    /// Changes the data.
    pub(super) fn change(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// Runs the program, and waits until it ends.
    pub(super) async fn run(&self, arguments: &[&str]) -> Run {
        let mut program = self.program(arguments);
        Run::of(&tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap())
    }

    /// Runs the program with `--json`.
    pub(super) async fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }

    pub(super) fn program(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_larder"));
        program.args(arguments).env_clear().env("REDIS_URL", &self.url).env("USER", "ann");
        program
    }
}

impl Run {
    pub(super) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let code = output.status.code().unwrap();
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Instance {
    /// Waits until a lookup in Redis succeeds. Its connection may open later than that of the log.
    async fn uses_redis(&self) {
        for probe in 0.. {
            let request = Request::get(format!("/probe/p{probe}")).header("host", "shop.example");
            let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            if !response.headers()["cache-status"].to_str().unwrap().contains("store-error") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns `X-Cache` and the version.
    pub(super) async fn get(&self, path: &str) -> (String, u64) {
        let request = Request::get(path).header("host", "shop.example").body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let cached = response.headers()["x-cache"].to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (cached, std::str::from_utf8(&body).unwrap().parse().unwrap())
    }

    /// Waits until requests are answered like this.
    pub(super) async fn answers(&self, path: &str, cached: &str, version: u64) {
        eventually(&format!("{path} is {cached} {version}"), async || {
            self.get(path).await == (cached.to_owned(), version)
        })
        .await;
    }
}

pub(super) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"));
}
