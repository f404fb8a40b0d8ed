//! A cache in front of a service that has a cache, too: two processes, real sockets, one Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::Method;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use larder::store::StoreErrorKind;
use larder::{Cache, Invalidation, InvalidationOutcome, Policy, Tag, ttl};
use larder_redis::RedisStore;
use larder_testing::{Answer, ManualClock, MemoryStore, Origin, Proxy, RedisServer};
use larder_tests::http::{Page, Site};
use larder_tests::redis::eventually;
use tower::Layer as _;

fn hourly() -> Policy {
    Policy::ttl(ttl::STANDARD).jitter(0.0).tag("thing")
}

/// Returns a cache in this namespace, over a proxy to Redis, which trusts the log.
async fn cache(redis: &RedisServer, namespace: &str) -> (Cache, Proxy) {
    let proxy = Proxy::start(redis.address()).unwrap();
    let store = RedisStore::builder(&redis.url_at(proxy.address()))
        .namespace(namespace)
        .command_timeout(Duration::from_secs(5))
        .connect()
        .unwrap();
    // Long, so that a service that is cut off goes on serving what it has.
    let cache = Cache::builder().shared_store(store).max_staleness(Duration::from_secs(20)).build();
    let probe = cache.layer(hourly()).layer(Origin::always(Answer::ok("probe")));
    let site = Site::of(Router::new().fallback_service(probe)).await;
    eventually("the cache trusts Redis", async || {
        site.get(&format!("/probe/{:x}", fastrand::u64(..))).await;
        cache.stats().leases_acquired > 0
    })
    .await;
    (cache, proxy)
}

async fn applies(cache: &Cache, what: impl Into<Invalidation>) {
    let what = what.into();
    let applied = async || cache.invalidate(what.clone()).await == InvalidationOutcome::Applied;
    eventually("it is applied", applied).await;
}

/// A service that shows a value, and a gateway in front of it.
struct Chain {
    service: Site,
    gateway: Site,
    value: Arc<AtomicUsize>,
    runs: Arc<AtomicUsize>,
}

impl Chain {
    async fn new(service: (&Cache, Policy), gateway: (&Cache, Policy)) -> Self {
        let (value, runs) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(0)));
        let show = {
            let (value, runs) = (Arc::clone(&value), Arc::clone(&runs));
            move || {
                runs.fetch_add(1, Ordering::SeqCst);
                let value = value.load(Ordering::SeqCst);
                async move { format!("v{value}") }
            }
        };
        let service = Site::of(Router::new().fallback(show).layer(service.0.layer(service.1))).await;
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
        let host = service.host();
        // Like a proxy, with the fields and the host of the request.
        let forward = move |request: Request| {
            let (client, host) = (client.clone(), host.clone());
            async move {
                let (mut parts, body) = request.into_parts();
                let path = parts.uri.path_and_query().unwrap().as_str().to_owned();
                parts.uri = format!("http://{host}{path}").parse().unwrap();
                let response: Response<_> = client.request(Request::from_parts(parts, body)).await.unwrap();
                response.map(Body::new)
            }
        };
        let gateway = Site::of(Router::new().fallback(forward).layer(gateway.0.layer(gateway.1))).await;
        Self { service, gateway, value, runs }
    }
}

async fn get(site: &Site, path: &str) -> Page {
    let page = site.ask(Method::GET, path).with("host", "shop").send().await;
    assert_eq!(page.all("larder-position").len(), 0, "it is between the two");
    page
}

/// The service finds the lease of the gateway, which waits for its response.
#[tokio::test]
async fn a_service_does_not_wait_for_the_lease_of_the_gateway_before_it() {
    let redis = RedisServer::start().await.unwrap();
    let ((service, _one), (gateway, _other)) = (cache(&redis, "shop").await, cache(&redis, "shop").await);
    let chain = Chain::new((&service, hourly()), (&gateway, hourly())).await;
    for path in ["/1", "/2", "/3"] {
        let before = gateway.stats().leases_acquired;
        let page = tokio::time::timeout(Duration::from_secs(10), get(&chain.gateway, path)).await;
        assert_eq!(page.expect("it does not wait for itself").text(), "v1");
        assert_eq!(gateway.stats().leases_acquired, before + 1, "the gateway has the lease");
        assert!(get(&chain.gateway, path).await.is("HIT", "v1"));
    }
    assert_eq!(chain.runs.load(Ordering::SeqCst), 3);
    assert_eq!(service.stats().leases_awaited, 0);
}

/// The service has not read the invalidation that the gateway knows already.
#[tokio::test]
async fn a_gateway_does_not_keep_what_its_service_may_still_serve() {
    for told in [true, false] {
        let redis = RedisServer::start().await.unwrap();
        let ((service, link), (gateway, _other)) = (cache(&redis, "shop").await, cache(&redis, "shop").await);
        let policy = if told { hourly().behind_gateway() } else { hourly() };
        let chain = Chain::new((&service, policy), (&gateway, hourly())).await;
        assert_eq!(get(&chain.service, "/1").await.text(), "v1");
        assert!(get(&chain.service, "/1").await.is("HIT", "v1"));
        link.refuse();
        link.cut().await;
        chain.value.store(2, Ordering::SeqCst);
        applies(&gateway, Tag::new("thing")).await;
        // The service may serve it for `max_staleness`, and so may the gateway pass it on.
        assert_eq!(get(&chain.gateway, "/1").await.text(), "v1");
        assert_eq!(get(&chain.gateway, "/1").await.x_cache(), if told { "MISS" } else { "HIT" });
        link.pass();
        if !told {
            // This is the fault, which the setting prevents. It reaches the service, too: both have
            // the same keys in Redis.
            assert!(get(&chain.gateway, "/1").await.is("HIT", "v1"));
            continue;
        }
        eventually("the service reads the log", async || get(&chain.service, "/1").await.text() == "v2")
            .await;
        assert_eq!(get(&chain.gateway, "/1").await.text(), "v2");
        eventually("it is stored again", async || get(&chain.gateway, "/1").await.is("HIT", "v2")).await;
    }
}

/// Each has a log of its own, so their positions mean nothing to each other.
#[tokio::test]
async fn a_position_of_another_log_keeps_the_response_out_of_the_gateway() {
    let redis = RedisServer::start().await.unwrap();
    let ((service, _one), (gateway, _other)) = (cache(&redis, "shop").await, cache(&redis, "gate").await);
    let chain = Chain::new((&service, hourly().behind_gateway()), (&gateway, hourly())).await;
    // What the handler has just made needs no position.
    eventually("a hit", async || get(&chain.gateway, "/new").await.is("HIT", "v1")).await;
    get(&chain.service, "/1").await;
    assert!(get(&chain.service, "/1").await.is("HIT", "v1"));
    for _ in 0..3 {
        let page = get(&chain.gateway, "/1").await;
        assert!(page.is("MISS", "v1") || page.is("BYPASS", "v1"), "{page:?}");
    }
    assert!(gateway.stats().not_stored["other-log"] > 0);
}

/// Clients can send the field, but learn nothing from it if the policy is off.
#[tokio::test]
async fn a_position_is_stated_only_where_the_policy_says_so_and_a_request_asks() {
    let redis = RedisServer::start().await.unwrap();
    let (cache, _link) = cache(&redis, "shop").await;
    for told in [false, true] {
        let shown = hourly().expose_cache_key();
        let policy = if told { shown.behind_gateway() } else { shown };
        let site = Site::of(Router::new().fallback(async || "page").layer(cache.layer(policy))).await;
        let ask = |method| site.ask(method, "/a").with("host", if told { "a" } else { "b" });
        ask(Method::GET).send().await;
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(ask(method.clone()).send().await.field("larder-position"), "");
            let page = ask(method).with("larder-fill", "0").send().await;
            assert_eq!(page.x_cache(), "HIT");
            assert_eq!(page.all("larder-position").len(), usize::from(told));
        }
    }
}

/// A gateway behind a gateway passes the position on. The response is as old as the service says.
#[tokio::test]
async fn a_gateway_states_the_position_of_its_service() {
    let redis = RedisServer::start().await.unwrap();
    let ((service, _one), (gateway, _other)) = (cache(&redis, "shop").await, cache(&redis, "gate").await);
    let (inner, outer) = (hourly().behind_gateway(), hourly().behind_gateway());
    let chain = Chain::new((&service, inner), (&gateway, outer)).await;
    let stated = async |site: &Site, path| {
        let page = site.ask(Method::GET, path).with("host", "shop").with("larder-fill", "0").send().await;
        (page.x_cache(), page.field("larder-position"))
    };
    get(&chain.service, "/1").await;
    let (x_cache, of_service) = stated(&chain.service, "/1").await;
    assert_eq!((x_cache.as_str(), of_service.is_empty()), ("HIT", false));
    assert_eq!(stated(&chain.gateway, "/1").await, ("MISS".to_owned(), of_service));
    // The handler has just made it.
    assert_eq!(stated(&chain.gateway, "/2").await, ("MISS".to_owned(), String::new()));
}

/// A gateway that is cut off serves what its own service has made since then. What the service had
/// stored is older, so nothing says for how long it may still be served.
#[tokio::test]
async fn a_detached_gateway_serves_nothing_that_its_service_had_stored() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let service = Cache::builder().shared_store(store.clone()).build();
    let gateway = Cache::builder().shared_store(store.clone()).clock(clock.clone()).build();
    for cache in [&service, &gateway] {
        cache.ready(Duration::from_secs(20)).await.unwrap();
    }
    let chain = Chain::new((&service, hourly().behind_gateway()), (&gateway, hourly())).await;
    assert_eq!(get(&chain.service, "/stored").await.text(), "v1");
    store.fail(StoreErrorKind::Unreachable);
    clock.advance(Duration::from_secs(3));
    for (path, again) in [("/stored", "MISS"), ("/made", "HIT")] {
        assert!(get(&chain.gateway, path).await.is("MISS", "v1"), "{path}");
        assert_eq!(get(&chain.gateway, path).await.x_cache(), again, "{path}");
    }
}
