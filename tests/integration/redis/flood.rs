//! A flood of anonymous writes with made-up queries and paths. It affects only the named responses.
//!
//! `LARDER_FLOOD=100000` sets the number of writes of the first two tests.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderMap, Method, Request};
use larder::{Cache, Policy, Stats};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use larder_tests::redis::{EVENTS, TickingClock, eventually};
use tower::ServiceExt as _;

/// The maximum size of the log in Redis: the default of `RedisStoreBuilder::log_bytes`, and one
/// append.
const MOST_BYTES: i64 = 18 * 1024 * 1024;
/// As many bytes of a target as `http` accepts.
const MAX_QUERY_LEN: usize = 60_000;
/// The number of simultaneous writes on each instance.
const AT_ONCE: usize = 32;
const STORED: usize = 40;

/// An instance without sockets, because the log is the subject of the measurement.
#[derive(Clone)]
struct Instance {
    cache: Cache,
    router: Router,
}

fn start(redis: &RedisServer, names: usize) -> Instance {
    let store = RedisStore::builder(&redis.url()).command_timeout(Duration::from_secs(10)).connect().unwrap();
    let cache = Cache::builder().shared_store(store).invalidation_capacity(names);
    // On a busy machine, nothing is confirmed for longer than `max_staleness`. Such a response is
    // no hit, and that would look like an invalidation. On this clock, the wait takes no time.
    let cache = cache.clock(TickingClock::default()).build();
    let hour = Policy::ttl(Duration::from_secs(3600)).jitter(0.0);
    let page = || get(async || "page").post(async || "written");
    let router = Router::new()
        .route("/", page())
        .route("/search", page())
        .route("/made/{id}", page())
        .route("/values/{id}", page())
        .layer(cache.layer(hour));
    Instance { cache, router }
}

impl Instance {
    async fn send(&self, method: Method, target: &str) -> HeaderMap {
        let request = Request::builder().method(method).uri(target).header("host", "shop");
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        axum::body::to_bytes(body, usize::MAX).await.unwrap();
        parts.headers
    }

    /// Requests each of the stored responses. Returns the reasons of those that are no hits.
    async fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        for id in 0..STORED {
            let headers = self.send(Method::GET, &format!("/values/{id}")).await;
            if headers["x-cache"] != "HIT" {
                misses.push(format!("{id}: {:?}", headers["cache-status"]));
            }
        }
        misses
    }

    async fn has_all(&self) {
        let misses = self.misses().await;
        assert!(misses.is_empty(), "{misses:#?}");
    }

    /// Waits until it has read the log and trusts Redis.
    async fn joins(&self) {
        eventually("the instance has joined", async || {
            let fresh = format!("/made/{:x}", fastrand::u64(..));
            self.send(Method::GET, &fresh).await["cache-status"].to_str().unwrap().contains("never-stored")
        })
        .await;
    }

    /// Writes to these targets, many at once.
    async fn floods(self, targets: impl Iterator<Item = String> + Send) -> Duration {
        let begun = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        for target in targets {
            if running.len() >= AT_ONCE {
                running.join_next().await;
            }
            let instance = self.clone();
            running.spawn(async move { instance.send(Method::POST, &target).await });
        }
        running.join_all().await;
        begun.elapsed()
    }
}

/// Returns a query of random length.
fn query(longest: usize) -> String {
    let length = fastrand::usize(..=longest);
    let mut query = format!("r={:x}", fastrand::u128(..));
    query.extend(std::iter::repeat_n('x', length.saturating_sub(query.len())));
    query
}

/// Returns a made-up URI: a query of one of two paths, or in one of ten cases a path.
fn made_up() -> String {
    match fastrand::u8(..10) {
        0 => made_up_path(),
        1..4 => format!("/?{}", query(MAX_QUERY_LEN)),
        _ => format!("/search?{}", query(MAX_QUERY_LEN)),
    }
}

/// Returns a path of random length that can be a key, with a query.
fn made_up_path() -> String {
    let rest = "y".repeat(fastrand::usize(..8_000));
    format!("/made/{:x}{rest}?{}", fastrand::u64(..), query(200))
}

async fn log_bytes(redis: &RedisServer) -> i64 {
    let usage = redis.command(&["MEMORY", "USAGE", EVENTS, "SAMPLES", "0"]).await.unwrap();
    usage.as_integer().unwrap()
}

async fn started(redis: &RedisServer, names: usize, number: usize) -> Vec<Instance> {
    let instances: Vec<_> = (0..number).map(|_| start(redis, names)).collect();
    for instance in &instances {
        instance.joins().await;
        instance.misses().await;
        instance.has_all().await;
    }
    instances
}

async fn flood(instances: &[Instance], writes: usize, target: fn() -> String) -> Duration {
    let share = writes / instances.len();
    let floods = instances
        .iter()
        .map(|one| tokio::spawn(one.clone().floods(std::iter::repeat_with(target).take(share))));
    let mut longest = Duration::ZERO;
    for flood in floods.collect::<Vec<_>>() {
        longest = longest.max(flood.await.unwrap());
    }
    longest
}

/// Starts an instance that serves stored responses of others. Returns the best time to confirm the
/// log, because the machine may be busy.
async fn confirms(redis: &RedisServer) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let instance = start(redis, 65_536);
        instance.joins().await;
        best = best.min(begun.elapsed());
        instance.has_all().await;
    }
    best
}

async fn costs_nothing_elsewhere(target: fn() -> String) {
    let writes = std::env::var("LARDER_FLOOD").map_or(4_000, |writes| writes.parse().unwrap());
    let redis = RedisServer::start().await.unwrap();
    let instances = started(&redis, 65_536, 4).await;
    let took = flood(&instances, writes, target).await;

    let (bytes, entries) = (log_bytes(&redis).await, redis.command(&["XLEN", EVENTS]).await.unwrap());
    println!("{writes} writes in {took:?}: {bytes} bytes, {entries:?}");
    let confirmed = confirms(&redis).await;
    println!("a new instance confirms after {confirmed:?}");
    assert!(bytes < MOST_BYTES, "{bytes} bytes");
    for instance in &instances {
        instance.joins().await;
        instance.has_all().await;
        assert_eq!(instance.cache.stats().floor_raises, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_made_up_queries_costs_nothing_that_is_stored_elsewhere() {
    costs_nothing_elsewhere(made_up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_made_up_paths_costs_nothing_that_is_stored_elsewhere() {
    costs_nothing_elsewhere(made_up_path).await;
}

/// The table has the minimum size, and there are more paths than it has room for.
#[tokio::test(flavor = "multi_thread")]
async fn made_up_paths_cost_their_directory_alone() {
    let redis = RedisServer::start().await.unwrap();
    let instances = started(&redis, 2_048, 2).await;
    flood(&instances, 3_000, made_up_path).await;
    for instance in &instances {
        instance.joins().await;
        instance.has_all().await;
        let Stats { folded_names, floor_raises, .. } = instance.cache.stats();
        assert!(folded_names > 0 && floor_raises == 0, "{folded_names} {floor_raises}");
    }
}
