//! The number of requests to Redis, and the amount of the log that is read.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use larder::store::SharedTier;
use larder::{Cache, CacheService, Policy, ttl};
use larder_testing::{Gate, RedisServer};
use larder_tests::redis::{CountingStore, EVENTS, eventually};
use tower::{Layer, Service, ServiceExt};

fn counting(redis: &RedisServer, gate: Option<Gate>) -> CountingStore {
    CountingStore { gate, ..CountingStore::connect(redis) }
}

async fn handler(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello")))
}

trait Handler: Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send> {}
impl<S> Handler for S where
    S: Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
{
}

fn service(store: &CountingStore, memory: u64) -> CacheService<impl Handler + Clone + Send + 'static> {
    let cache = Cache::builder().max_memory_bytes(memory).shared_store(store.clone()).build();
    cache.layer(Policy::ttl(ttl::STANDARD).jitter(0.0)).layer(tower::service_fn(handler))
}

async fn outcome<S>(service: &CacheService<S>) -> String
where
    S: Handler + Clone + Send + 'static,
{
    let response = service.clone().oneshot(Request::get("/a").body(()).unwrap()).await.unwrap();
    let words = ["x-cache", "cache-status"].map(|name| response.headers()[name].to_str().unwrap().to_owned());
    let [x_cache, status] = words;
    format!("{x_cache} {}", status.rsplit('=').next().unwrap())
}

/// Fills the key, and waits until this service finds it in Redis.
async fn fill<S>(service: &CacheService<S>)
where
    S: Handler + Clone + Send + 'static,
{
    eventually("the response is found in Redis", async || outcome(service).await == "HIT shared").await;
}

#[tokio::test]
async fn a_hit_in_redis_takes_one_round_trip() {
    let redis = RedisServer::start().await.unwrap();
    let store = counting(&redis, None);
    let service = service(&store, 0);
    fill(&service).await;
    for hits in 1..=5 {
        let before = store.gets.load(Ordering::SeqCst);
        assert_eq!(outcome(&service).await, "HIT shared");
        assert_eq!(store.gets.load(Ordering::SeqCst) - before, 1, "hit {hits}");
    }
}

/// One for the lookup, one for the lease; then one that stores the response and releases the lease.
#[tokio::test]
async fn a_miss_takes_two_round_trips_before_the_handler_and_one_after_it() {
    let redis = RedisServer::start().await.unwrap();
    let store = counting(&redis, None);
    let (gate, trips) = (Gate::new(), Arc::clone(&store.trips));
    let handler = {
        let gate = gate.clone();
        tower::service_fn(move |request: Request<()>| {
            let gate = (request.uri().path() == "/held").then(|| gate.clone());
            async move {
                if let Some(gate) = gate {
                    gate.pass().await;
                }
                handler(request).await
            }
        })
    };
    let cache = Cache::builder().shared_store(store.clone()).build();
    let service = cache.layer(Policy::ttl(ttl::STANDARD)).layer(handler);
    eventually("it has read the log, and takes leases", async || {
        let path = format!("/{:x}", fastrand::u64(1 << 32..));
        service.clone().oneshot(Request::get(path).body(()).unwrap()).await.unwrap();
        cache.stats().leases_acquired > 0
    })
    .await;
    // The last store may still be in progress.
    eventually("nothing is under way", async || {
        redis.command(&["KEYS", "*:lease"]).await.unwrap().as_array().unwrap().is_empty()
    })
    .await;
    let before = trips.load(Ordering::SeqCst);
    let miss = tokio::spawn(service.oneshot(Request::get("/held").body(()).unwrap()));
    gate.arrived(1).await;
    assert_eq!(trips.load(Ordering::SeqCst) - before, 2);
    gate.open();
    miss.await.unwrap().unwrap();
    eventually("it is stored", async || {
        let stored = redis.command(&["KEYS", "*/held*"]).await.unwrap();
        let names = stored.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        let names: Vec<_> = names.collect();
        !names.is_empty() && names.iter().all(|name| !name.contains(":lease"))
    })
    .await;
    assert_eq!(trips.load(Ordering::SeqCst) - before, 3);
}

/// Without the memory tier, each request asks Redis, but not all of them at once.
#[tokio::test]
async fn identical_lookups_of_one_moment_are_one_lookup() {
    let redis = RedisServer::start().await.unwrap();
    fill(&service(&counting(&redis, None), 0)).await;
    let (gate, store) = (Gate::new(), counting(&redis, None));
    let service = service(&store, 0);
    fill(&service).await;
    let held = CountingStore { gate: Some(gate.clone()), ..store.clone() };
    let held_service = self::service(&held, 0);
    eventually("it has read the log", async || {
        let service = held_service.clone();
        let asked = tokio::spawn(async move { outcome(&service).await });
        tokio::select! {
            () = gate.arrived(1) => true,
            _ = asked => false,
        }
    })
    .await;
    let before = held.gets.load(Ordering::SeqCst);
    let many: Vec<_> = (0..100)
        .map(|_| {
            let service = held_service.clone();
            tokio::spawn(async move { outcome(&service).await })
        })
        .collect();
    tokio::task::yield_now().await;
    gate.open();
    for request in many {
        assert_eq!(request.await.unwrap(), "HIT shared");
    }
    // All wait for the first one, but not for long.
    let more = held.gets.load(Ordering::SeqCst) - before;
    assert!(more < 20, "{more}");
}

#[tokio::test]
async fn a_request_during_a_lookup_in_redis_waits_for_its_answer_and_has_a_hit() {
    let redis = RedisServer::start().await.unwrap();
    fill(&service(&counting(&redis, None), 0)).await;

    let gate = Gate::new();
    let store = counting(&redis, Some(gate.clone()));
    let service = service(&store, 1 << 20);
    // Responses use a connection of their own, which may be established after the log's.
    eventually("it is connected", async || SharedTier::get(&store.store, "nothing").await.is_ok()).await;
    // Redis is not used until the log is read.
    eventually("it has read the log", async || {
        let service = service.clone();
        let asked = tokio::spawn(async move { outcome(&service).await });
        tokio::select! {
            () = gate.arrived(1) => true,
            _ = asked => false,
        }
    })
    .await;
    let many: Vec<_> = (0..50)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { outcome(&service).await })
        })
        .collect();
    tokio::task::yield_now().await;
    gate.open();
    for request in many {
        let outcome = request.await.unwrap();
        assert!(["HIT shared", "HIT memory"].contains(&outcome.as_str()), "{outcome}");
    }
    assert_eq!(store.gets.load(Ordering::SeqCst), 1);
}

/// The length of the log does not matter. A running instance and a new one only poll; nothing else
/// is appended.
#[tokio::test]
async fn a_starting_instance_reads_no_more_of_the_log_than_it_remembers() {
    const BATCH: usize = 5_000;
    let redis = RedisServer::start().await.unwrap();
    let read = |store: &CountingStore| store.entries.load(Ordering::SeqCst);
    let follows = async |remembers: usize, entries: usize| {
        let store = counting(&redis, None);
        let cache = Cache::builder()
            .max_memory_bytes(0)
            .invalidation_capacity(remembers)
            .shared_store(store.clone())
            .build();
        eventually("it has read the log", async || read(&store) >= entries).await;
        // The instance trusts shared responses once it has read to the end.
        fill(&cache.layer(Policy::ttl(ttl::STANDARD)).layer(tower::service_fn(handler))).await;
        (cache, store)
    };
    let (stays, stayed) = follows(65_536, 1).await;
    for batch in 1..=4 {
        let add = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'h', 't:' .. i) end";
        redis.command(&["EVAL", add, "1", EVENTS, &BATCH.to_string()]).await.unwrap();
        eventually("it has read them", async || read(&stayed) == 1 + batch * BATCH).await;
    }
    for (remembers, batches) in [(4_000, 1), (BATCH, 1), (6_000, 2), (3 * BATCH, 3)] {
        let (_, store) = follows(remembers, batches * BATCH).await;
        assert_eq!(read(&store), batches * BATCH, "{remembers}");
    }
    let (_, store) = follows(65_536, 4 * BATCH).await;
    assert_eq!(read(&store), 1 + 4 * BATCH, "all of it");
    drop(stays);
}
