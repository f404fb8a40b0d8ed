//! Nested layers: the outer router and an inner route each have a layer, both over Redis.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use larder::{Cache, Policy, ttl};
use larder_redis::RedisStore;
use larder_testing::{Answer, Gate, Origin, RedisServer};
use larder_tests::http::{Page, Site, soon};
use larder_tests::redis::eventually;
use tower::Layer as _;

const USER: HeaderName = HeaderName::from_static("x-user");

fn user(parts: &Parts) -> Option<String> {
    Some(parts.headers.get(USER)?.to_str().ok()?.to_owned())
}

async fn me(headers: HeaderMap) -> String {
    headers.get(USER).and_then(|user| user.to_str().ok()).unwrap_or_default().to_owned()
}

fn hourly() -> Policy {
    Policy::ttl(ttl::STANDARD).jitter(0.0)
}

async fn cache(redis: &RedisServer) -> Cache {
    let store = RedisStore::builder(&redis.url()).connect().unwrap();
    let cache = Cache::builder().shared_store(store).build();
    // The layer trusts Redis once it has read the log.
    let probe = cache.layer(hourly()).layer(Origin::always(Answer::ok("probe")));
    let site = Site::of(Router::new().fallback_service(probe)).await;
    let mut number = 0;
    eventually("the cache trusts Redis", async || {
        number += 1;
        site.get(&format!("/probe/{number}")).await;
        let stats = cache.stats();
        stats.leases_acquired > 0
    })
    .await;
    cache
}

async fn page_of(site: &Site, user: &str) -> Page {
    site.ask(Method::GET, "/me").with("host", "app").with("x-user", user).send().await
}

async fn stored(redis: &RedisServer, part: &str) -> usize {
    let names = redis.command(&["KEYS", &format!("larder:*{part}*")]).await.unwrap();
    names.as_array().unwrap().iter().filter(|name| !name.as_str().unwrap().contains(":lease")).count()
}

/// An earlier deployment had no inner layer. Its page, which is the same for all clients, is in
/// Redis under the key of the outer layer.
#[tokio::test]
async fn a_response_of_an_earlier_deploy_under_the_outer_key_is_not_served() {
    let redis = RedisServer::start().await.unwrap();
    let earlier = cache(&redis).await;
    let site = Site::of(Router::new().route("/me", get(me)).layer(earlier.layer(hourly()))).await;
    assert_eq!(page_of(&site, "ann").await.x_cache(), "MISS");
    eventually("it is stored", async || stored(&redis, "/me").await == 1).await;
    assert!(page_of(&site, "bob").await.is("HIT", "ann"), "as that deploy had it");

    let per_user = || hourly().per_user(user);
    for inside in 0..3 {
        let now = cache(&redis).await;
        let (outer, inner) = (now.layer(hourly()), now.layer(per_user()));
        let route = Router::new().route("/me", get(me).layer(inner));
        let router = match inside {
            0 => route.layer(outer),
            1 => Router::new().fallback_service(route).layer(outer),
            _ => Router::new().fallback_service(outer.layer(route)),
        };
        let site = Site::of(router).await;
        for user in ["bob", "cat", "bob"] {
            assert_eq!(page_of(&site, user).await.text(), user, "{inside}");
        }
    }
}

/// The outer layer releases its lease as soon as an inner layer has the request. Otherwise the
/// inner layer would wait for it.
#[tokio::test]
async fn an_inner_layer_with_the_same_key_waits_for_nothing_of_the_outer_one() {
    let redis = RedisServer::start().await.unwrap();
    let cache = cache(&redis).await;
    let origin = Origin::always(Answer::ok("page"));
    let inside = Router::new().route_service("/me", cache.layer(hourly()).layer(origin.clone()));
    let site = Site::of(Router::new().fallback_service(cache.layer(hourly()).layer(inside))).await;
    let limit = Duration::from_secs(5);
    let page = tokio::time::timeout(limit, site.get("/me")).await.expect("no wait for its own lease");
    assert!(page.is("MISS", "page"));
    assert!(site.get("/me").await.is("HIT", "page"));
    assert_eq!(origin.calls(), 1);
}

/// Before it is known whether an inner layer exists, one run is enough for two instances, too.
#[tokio::test]
async fn one_run_is_enough_for_two_instances_that_do_not_know_their_route_yet() {
    let redis = RedisServer::start().await.unwrap();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let mut caches = Vec::new();
    let mut pages = Vec::new();
    for _ in 0..2 {
        let cache = cache(&redis).await;
        let service = cache.layer(hourly()).layer(Router::new().fallback_service(origin.clone()));
        let site = Arc::new(Site::of(Router::new().fallback_service(service)).await);
        pages.extend((0..20).map(|_| {
            let site = Arc::clone(&site);
            tokio::spawn(async move { page_of(&site, "").await })
        }));
        caches.push(cache);
    }
    eventually("one instance waits for the other", async || {
        caches.iter().map(|cache| cache.stats().leases_awaited).sum::<u64>() == 1
    })
    .await;
    gate.open();
    for page in pages {
        assert_eq!(soon("a page", page).await.unwrap().text(), "page");
    }
    assert_eq!(origin.calls(), 1);
}
