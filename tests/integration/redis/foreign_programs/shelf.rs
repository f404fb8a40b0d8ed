//! Two instances of an application with the names that the documentation uses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::HOST;
use axum::routing::get;
use http_body_util::BodyExt;
use larder::{Cache, Policy};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use larder_tests::redis::{EVENTS, INCARNATION, eventually};
use tower::ServiceExt;

const HOUR: Duration = Duration::from_secs(3600);
/// The bound on staleness of the instances.
const MAX_STALENESS: Duration = Duration::from_secs(10);
/// The paths of the application.
pub(super) const PATHS: [&str; 8] = [
    "/products/42",
    "/products/42?full=1",
    "/products/42/reviews",
    "/products/43",
    "/search?q=a",
    "/search/all",
    "/users/7",
    "/reports/1",
];

/// Two instances, and the version of the data that their handlers return.
pub(super) struct Shelf {
    pub(super) redis: RedisServer,
    instances: [Router; 2],
    version: Arc<AtomicU64>,
}

/// The effect of an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Hard,
    Soft,
}

/// An entry in the log.
struct Appended<'a> {
    what: &'a str,
    /// The version of the data that it stands for.
    new: u64,
    done: Instant,
}

/// A response, as far as the tests look at it.
struct Shown {
    version: u64,
    outcome: String,
}

impl Shelf {
    pub(super) async fn new() -> Self {
        let redis = RedisServer::start().await.unwrap();
        let version = Arc::new(AtomicU64::new(1));
        let instance = async || {
            let store = RedisStore::builder(&redis.url()).command_timeout(Duration::from_secs(10));
            let store = store.connect().unwrap();
            let cache = Cache::builder().shared_store(store).max_staleness(MAX_STALENESS).build();
            cache.ready(HOUR).await.unwrap();
            router(&cache, &version)
        };
        let instances = [instance().await, instance().await];
        Self { redis, instances, version }
    }

    /// Waits until both instances serve each path from memory, and returns the versions.
    pub(super) async fn warm(&self) -> BTreeMap<&'static str, u64> {
        let mut versions = BTreeMap::new();
        for path in PATHS {
            eventually("both instances have the response", async || {
                let (a, b) = (self.show(0, path).await, self.show(1, path).await);
                versions.insert(path, a.version);
                a.outcome == "HIT" && b.outcome == "HIT" && a.version == b.version
            })
            .await;
        }
        versions
    }

    /// Changes the data, runs `append`, and checks which responses it reaches, on both instances.
    pub(super) async fn reaches(&self, what: &str, effects: &[(&str, Effect)], append: impl AsyncFnOnce()) {
        let before = self.warm().await;
        let (incarnation, entries) = (self.incarnation().await, self.entries().await);
        let new = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        append().await;
        let appended = Appended { what, new, done: Instant::now() };
        for (path, effect) in effects {
            for instance in 0..2 {
                self.changes(instance, path, *effect, &appended).await;
            }
        }
        for path in PATHS.iter().filter(|path| effects.iter().all(|(named, _)| named != *path)) {
            for instance in 0..2 {
                let shown = self.show(instance, path).await;
                assert_eq!((&*shown.outcome, shown.version), ("HIT", before[path]), "{what}: {path}");
            }
        }
        assert_eq!(self.incarnation().await, incarnation, "{what}: the log was not restarted");
        assert_eq!(self.entries().await, entries + 1, "{what}: one entry");
    }

    /// Waits until an instance shows the new version of a response, and not for longer than it may.
    async fn changes(&self, instance: usize, path: &str, effect: Effect, appended: &Appended<'_>) {
        let Appended { what, new, done } = *appended;
        let mut outcomes = Vec::new();
        eventually("the instance shows the new version", async || {
            let begun = Instant::now();
            let shown = self.show(instance, path).await;
            outcomes.push(shown.outcome.clone());
            let is_late = begun > done + MAX_STALENESS;
            assert!(
                !(is_late && shown.outcome == "HIT" && shown.version < new),
                "{what}: {path} is too late"
            );
            shown.version == new
        })
        .await;
        // The other instance may have filled it again already.
        let is_stale = outcomes.iter().any(|outcome| outcome == "STALE");
        assert!(effect == Effect::Soft || !is_stale, "{what}: {path}: {outcomes:?}");
        assert!(effect == Effect::Hard || instance > 0 || is_stale, "{what}: {path}: {outcomes:?}");
    }

    async fn show(&self, instance: usize, path: &str) -> Shown {
        let request = Request::get(path).header(HOST, "shop.example").body(Body::empty()).unwrap();
        let (parts, body) = self.instances[instance].clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Shown {
            version: std::str::from_utf8(&body).unwrap().parse().unwrap(),
            outcome: parts.headers["x-cache"].to_str().unwrap().to_owned(),
        }
    }

    async fn incarnation(&self) -> String {
        self.redis.command(&["GET", INCARNATION]).await.unwrap().as_str().unwrap().to_owned()
    }

    async fn entries(&self) -> i64 {
        self.redis.command(&["XLEN", EVENTS]).await.unwrap().as_integer().unwrap()
    }
}

fn router(cache: &Cache, version: &Arc<AtomicU64>) -> Router {
    let version = Arc::clone(version);
    let show = get(async move || version.load(Ordering::SeqCst).to_string());
    let policy = || Policy::ttl(HOUR).jitter(0.0).stale_while_revalidate(HOUR);
    let product = || policy().tag("product:{id}").tag("products");
    Router::new()
        .route("/products/{id}", show.clone().layer(cache.layer(product())))
        .route("/products/{id}/reviews", show.clone().layer(cache.layer(product())))
        .route("/search", show.clone().layer(cache.layer(policy())))
        .route("/search/all", show.clone().layer(cache.layer(policy())))
        .route(
            "/users/{id}",
            show.clone().layer(cache.layer(policy().key("user:{id}").tag("user:{id}").tag("users:top"))),
        )
        .route("/reports/{id}", show.layer(cache.layer(policy())))
}
