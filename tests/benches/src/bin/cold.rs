//! Prints how often the handler runs, and when all requests are answered, if many requests for one
//! cold key arrive on three instances at once.
#![allow(clippy::expect_used, reason = "without Redis there is nothing to measure")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::{Request, Response, StatusCode};
use larder::{Cache, CacheService, Policy, ttl};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::{Layer, Service, ServiceExt, service_fn};

const INSTANCES: usize = 3;
const REQUESTS: usize = 500;
const HANDLER: Duration = Duration::from_millis(100);
const ROUNDS: usize = 20;

/// The response that the handler makes.
#[derive(Clone, Copy)]
enum Kind {
    Stored,
    Failed,
    Private,
}

/// The result of one round.
#[derive(Clone, Copy)]
struct Round {
    runs: usize,
    /// The time from the first request to the last answer.
    took: Duration,
}

#[tokio::main]
async fn main() {
    let redis = RedisServer::start().await.expect("a redis-server");
    println!(
        "{REQUESTS} requests at once on each of {INSTANCES} instances, a handler of {HANDLER:?}, {ROUNDS} rounds"
    );
    println!("{:<12}{:>16}{:>22}{:>10}", "the handler", "runs (most)", "all answered (median)", "(most)");
    for (kind, name) in [(Kind::Stored, "answers"), (Kind::Failed, "fails"), (Kind::Private, "says private")]
    {
        let mut rounds = rounds(&redis, kind, name).await;
        rounds.sort_by_key(|round| round.runs);
        let (runs, most_runs) = (rounds[ROUNDS / 2].runs, rounds[ROUNDS - 1].runs);
        rounds.sort_by_key(|round| round.took);
        let (took, longest) = (rounds[ROUNDS / 2].took, rounds[ROUNDS - 1].took);
        let runs = format!("{runs} ({most_runs})");
        println!("{name:<12}{runs:>16}{:>19} ms{:>7} ms", took.as_millis(), longest.as_millis());
    }
}

async fn rounds(redis: &RedisServer, kind: Kind, name: &str) -> Vec<Round> {
    let runs = Arc::new(AtomicUsize::new(0));
    let instances: Vec<_> = (0..INSTANCES).map(|_| instance(redis, kind, Arc::clone(&runs))).collect();
    // Waits until all instances have read the log to its end, and trust the responses in Redis.
    for round in 0..5 {
        ask(&instances, &path(name, "before", round)).await;
    }
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        runs.store(0, Ordering::Relaxed);
        let took = ask(&instances, &path(name, "cold", round)).await;
        rounds.push(Round { runs: runs.load(Ordering::Relaxed), took });
    }
    rounds
}

/// Returns a path that was not requested before.
fn path(name: &str, what: &str, round: usize) -> String {
    format!("/{}/{what}/{round}", name.replace(' ', "-"))
}

fn instance(
    redis: &RedisServer,
    kind: Kind,
    runs: Arc<AtomicUsize>,
) -> CacheService<
    impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static,
> {
    let store = RedisStore::connect(&redis.url()).expect("a store");
    let cache = Cache::builder().shared_store(store).build();
    let handler = service_fn(move |_| {
        runs.fetch_add(1, Ordering::Relaxed);
        handle(kind)
    });
    cache.layer(Policy::ttl(ttl::STANDARD)).layer(handler)
}

async fn handle(kind: Kind) -> Result<Response<Body>, Infallible> {
    sleep(HANDLER).await;
    let mut response = Response::new(Body::from("made"));
    match kind {
        Kind::Stored => {}
        Kind::Failed => *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE,
        Kind::Private => {
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        }
    }
    Ok(response)
}

async fn ask<S>(instances: &[CacheService<S>], path: &str) -> Duration
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let mut asked = JoinSet::new();
    let begun = Instant::now();
    for service in instances {
        for _ in 0..REQUESTS {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let service = service.clone();
            asked.spawn(async move { service.oneshot(request).await.map(|response| response.status()) });
        }
    }
    asked.join_all().await;
    begun.elapsed()
}
