//! The counters of each route, and of each lifetime class.

use std::time::Duration;

use http::Method;
use larder::{Cache, Policy, RouteStats, ttl};
use larder_testing::Answer;
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use crate::shop::{COST, Shop, get, method};

const SECOND: Duration = Duration::from_secs(1);

fn shop(policy: Policy) -> Shop {
    Shop::new(policy.jitter(0.0), |_| Answer::ok("hello"))
}

fn only(routes: &[RouteStats]) -> &RouteStats {
    assert_eq!(routes.len(), 1, "{routes:?}");
    &routes[0]
}

#[tokio::test]
async fn a_route_counts_its_requests_bytes_and_the_age_of_its_hits() {
    let shop = shop(Policy::ttl(ttl::STANDARD).name("products"));
    shop.get("/1").await;
    shop.clock.advance(10 * SECOND);
    shop.get("/1").await;
    shop.get("/1").await;
    shop.send(method(Method::PUT, "/1")).await;
    shop.get("/1").await;
    let stats = shop.cache.stats();
    let route = only(&stats.routes);
    assert_eq!((route.route.as_str(), route.class.as_str()), ("products", "standard"));
    assert_eq!((route.hits_memory, route.hits_shared, route.fills, route.stored), (2, 0, 2, 2));
    assert_eq!(
        route.misses.clone().into_iter().collect::<Vec<_>>(),
        [("invalidated", 1), ("never-stored", 1)]
    );
    assert_eq!(route.bypasses.clone().into_iter().collect::<Vec<_>>(), [("method", 1)]);
    assert_eq!((route.bytes_served, route.handler_time_saved), (10, 2 * COST));
    assert!((route.hit_ratio() - 0.5).abs() < f64::EPSILON);
    // The first hit is a sample, and the second one is not.
    assert_eq!((route.age_at_hit.count(), route.age_at_hit.sum()), (1, 10 * SECOND + COST));
    let times: Vec<_> =
        route.times.iter().map(|(result, times)| (*result, times.count(), times.sum())).collect();
    assert_eq!(times, [("bypass", 1, COST), ("memory", 1, Duration::ZERO), ("miss", 2, 2 * COST)]);
}

/// The sums over routes are the counters of the cache.
#[tokio::test]
async fn routes_of_one_class_add_up() {
    let cache = Cache::default();
    let serve = async |policy: Policy, uris: &[&str]| {
        let service = cache.layer(policy).layer(larder_testing::Origin::new(|_, _| Answer::ok("hello")));
        for uri in uris {
            let response = service.clone().oneshot(get(uri)).await.unwrap();
            http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
        }
    };
    serve(Policy::ttl(ttl::STANDARD).name("products"), &["/p/1", "/p/1", "/p/2"]).await;
    serve(Policy::ttl(ttl::STANDARD).name("users"), &["/u/1", "/u/1"]).await;
    serve(Policy::ttl(2 * SECOND).name("prices"), &["/x"]).await;
    serve(Policy::ttl(2 * SECOND).name("prices").class("fast"), &["/y"]).await;
    let stats = cache.stats();
    let names: Vec<_> =
        stats.routes.iter().map(|route| (route.class.as_str(), route.route.as_str())).collect();
    let expected =
        [("custom", "prices"), ("fast", "prices"), ("standard", "products"), ("standard", "users")];
    assert_eq!(names, expected);
    let classes = stats.classes();
    assert_eq!(classes.keys().collect::<Vec<_>>(), ["custom", "fast", "standard"]);
    let standard = &classes["standard"];
    assert_eq!((standard.route.as_str(), standard.hits(), standard.fills), ("all", 2, 3));
    assert_eq!((stats.hits_memory, stats.fills, stats.stored), (2, 5, 5));
}

#[tokio::test]
async fn the_headers_alone_are_a_class() {
    let shop = Shop::new(Policy::rfc9111().name("all"), |_| {
        Answer::ok("hello").header("cache-control", "max-age=60")
    });
    shop.get("/").await;
    assert_eq!(only(&shop.cache.stats().routes).class, "rfc9111");
}

/// Routes that share a stored response each count their own hits, not those of the route that
/// stored it.
#[tokio::test]
async fn a_hit_counts_for_the_route_of_its_request() {
    let cache = Cache::default();
    let origin = || larder_testing::Origin::new(|_, _| Answer::ok("hello"));
    let [one, other] =
        ["one", "other"].map(|name| cache.layer(Policy::ttl(ttl::STANDARD).name(name)).layer(origin()));
    for service in [&one, &other, &other] {
        service.clone().oneshot(get("/")).await.unwrap();
    }
    let counts = |stats: &larder::Stats| {
        let count =
            |route: &RouteStats| (route.route.clone(), route.misses.values().sum::<u64>(), route.hits_memory);
        stats.routes.iter().map(count).collect::<Vec<_>>()
    };
    assert_eq!(counts(&cache.stats()), [("one".to_owned(), 1, 0), ("other".to_owned(), 0, 2)]);

    let cache = Cache::default();
    let layer = cache.layer(Policy::ttl(ttl::STANDARD).key("item:{id}"));
    let show = || axum::routing::get(async || "hello").layer(layer.clone());
    let app = axum::Router::new().route("/items/{id}", show()).route("/goods/{id}", show());
    for uri in ["/items/1", "/goods/1", "/goods/1"] {
        let request = http::Request::builder().uri(uri).header("host", "a").body(axum::body::Body::empty());
        app.clone().oneshot(request.unwrap()).await.unwrap();
    }
    let expected = [("/goods/{id}".to_owned(), 0, 2), ("/items/{id}".to_owned(), 1, 0)];
    assert_eq!(counts(&cache.stats()), expected);
}
