//! A layer around a route with a layer of its own: the innermost policy wins.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use larder::{Cache, Invalidation, Policy, Tag, Tags, ttl};
use larder_testing::{Answer, Gate, MemoryStore, Origin};
use larder_tests::http::{Page, Site, soon};
use tower::{Layer as _, ServiceBuilder};

use crate::support::{all, behind_door, cache, hourly, secs};

const USER: HeaderName = HeaderName::from_static("x-user");

fn user(parts: &Parts) -> Option<String> {
    Some(parts.headers.get(USER)?.to_str().ok()?.to_owned())
}

/// Returns a page with the name of its user.
async fn me(headers: HeaderMap) -> impl IntoResponse {
    headers.get(USER).map_or("nobody", |user| user.to_str().unwrap_or_default()).to_owned()
}

fn per_user() -> Policy {
    Policy::ttl(ttl::REALTIME).jitter(0.0).per_user(user)
}

async fn page_of(site: &Site, path: &str, user: &str) -> Page {
    site.ask(Method::GET, path).with("x-user", user).send().await
}

/// Returns every way to nest two layers.
fn around(outer: &larder::CacheLayer, inner: &larder::CacheLayer) -> Vec<(&'static str, Router)> {
    let route = || Router::new().route("/me", get(me).layer(inner.clone()));
    vec![
        ("a router's layer", route().layer(outer.clone())),
        (
            "a route's layer",
            Router::new().route("/me", get(me).layer::<_, Infallible>(inner.clone()).layer(outer.clone())),
        ),
        ("merged", Router::new().merge(route()).layer(outer.clone())),
        ("nested", Router::new().nest("/in", route()).layer(outer.clone())),
        ("a nested service", Router::new().nest_service("/in", route()).layer(outer.clone())),
        ("a fallback", Router::new().fallback(get(me).layer(inner.clone())).layer(outer.clone())),
        ("a fallback service", Router::new().fallback_service(route()).layer(outer.clone())),
        ("around everything", Router::new().fallback_service(outer.layer(route()))),
        (
            "a buffer between",
            Router::new().route_service(
                "/me",
                ServiceBuilder::new()
                    .layer(outer.clone())
                    .layer(axum::error_handling::HandleErrorLayer::new(|_| async { StatusCode::BAD_GATEWAY }))
                    .buffer(16)
                    .layer(inner.clone())
                    .service(get(me)),
            ),
        ),
    ]
}

/// One user's page never goes to another user, in any order of the caches. The lifetime of the
/// inner policy counts.
#[tokio::test]
async fn the_inner_layer_tells_users_apart_in_every_order() {
    for caches in 1..=2 {
        let clocked = cache();
        let others = cache();
        let (outer_cache, clocks) = if caches == 1 {
            (clocked.0.clone(), vec![clocked.1])
        } else {
            (others.0, vec![clocked.1, others.1])
        };
        let (outer, inner) = (outer_cache.layer(hourly()), clocked.0.layer(per_user()));
        for (how, router) in around(&outer, &inner) {
            let path = if how.contains("nested") { "/in/me" } else { "/me" };
            let site = Arc::new(Site::of(router).await);
            let _ = clocked.0.invalidate(Invalidation::all()).await;
            let _ = outer_cache.invalidate(Invalidation::all()).await;
            let at_once: Vec<_> = (0..20)
                .map(|number| {
                    let site = Arc::clone(&site);
                    tokio::spawn(async move {
                        let user = if number % 2 == 0 { "ann" } else { "bob" };
                        (user, page_of(&site, path, user).await)
                    })
                })
                .collect();
            for (user, page) in all(at_once).await {
                assert_eq!(page.text(), user, "{how}, {caches} caches, in flight");
                assert_eq!(page.all("x-cache").len(), 1, "{how}");
                assert_eq!(
                    page.cache_status().matches("Larder").count(),
                    1,
                    "{how}: {}",
                    page.cache_status()
                );
            }
            for user in ["ann", "bob"] {
                let page = page_of(&site, path, user).await;
                assert!(page.is("HIT", user), "{how}, {caches} caches: {page:?}");
            }
            clocks.iter().for_each(|clock| clock.advance(ttl::REALTIME + secs(1)));
            assert_eq!(page_of(&site, path, "ann").await.x_cache(), "MISS", "{how}: the inner lifetime");
        }
    }
}

/// An inner policy that stores nothing, or for longer, or by a field.
#[tokio::test]
async fn the_inner_policy_decides_what_is_stored() {
    let by_field = || hourly().key_header(USER);
    let nothing = || hourly().partition(|_| None);
    let longer = || Policy::ttl(ttl::REFERENCE).jitter(0.0);
    for (policy, again, after_an_hour) in
        [(nothing(), "BYPASS", "BYPASS"), (longer(), "HIT", "HIT"), (by_field(), "HIT", "MISS")]
    {
        let (cache, clock) = cache();
        let router =
            Router::new().route("/me", get(me).layer(cache.layer(policy))).layer(cache.layer(hourly()));
        let site = Site::of(router).await;
        page_of(&site, "/me", "ann").await;
        assert_eq!(page_of(&site, "/me", "ann").await.x_cache(), again);
        clock.advance(secs(3601));
        assert_eq!(page_of(&site, "/me", "ann").await.x_cache(), after_an_hour);
    }
}

/// The very first request detects the inner layer, and reaches it unchanged.
#[tokio::test]
async fn the_first_request_comes_to_the_inner_layer_unaltered() {
    let (cache, _) = cache();
    let (outer, inner) = (cache.layer(hourly()), cache.layer(hourly().partition(|_| None)));
    let sees = |headers: HeaderMap| async move { headers.contains_key("if-none-match").to_string() };
    let route = || Router::new().route("/me", get(sees).layer(inner.clone()));
    for router in [route().layer(outer.clone()), Router::new().fallback_service(outer.layer(route()))] {
        let site = Site::of(router).await;
        for _ in 0..2 {
            let page = site.ask(Method::GET, "/me").with("if-none-match", "\"x\"").send().await;
            assert_eq!(page.summary(), ("BYPASS".into(), "true".into()));
            assert!(page.cache_status().contains("no-key"), "the inner layer's reason");
        }
    }
}

/// Requests behind the first flight go to the inner layer as soon as the leader has reached it,
/// before it is answered.
#[tokio::test]
async fn no_request_waits_at_the_outer_layer_for_a_fill_of_the_inner_one() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, _| {
            let user = request.headers[USER].to_str().unwrap().to_owned();
            let answer = Answer::ok(user.clone());
            if user == "slow" { answer.held_at(&gate) } else { answer }
        }
    });
    let inside = Router::new().route_service("/me", cache.layer(per_user()).layer(origin.clone()));
    let router = Router::new().fallback_service(cache.layer(hourly()).layer(inside));
    let (site, _door) = behind_door(router).await;
    let slow = {
        let site = Arc::clone(&site);
        tokio::spawn(async move { page_of(&site, "/me", "slow").await })
    };
    soon("the first run", gate.arrived(1)).await;
    assert_eq!(soon("another user", page_of(&site, "/me", "ann")).await.text(), "ann");
    gate.open();
    assert_eq!(slow.await.unwrap().text(), "slow");
}

/// A handler's tags apply to the layer that stores its response. An invalidation applies to both
/// caches.
#[tokio::test]
async fn an_invalidation_by_a_write_reaches_both_caches() {
    let ((outer, _), (inner, _)) = (cache(), cache());
    let tagged = || async { (Tags::from(["thing"]), "page") };
    let write = || async { Invalidation::tag("thing") };
    let router = Router::new()
        .route("/outer", get(tagged))
        .route("/inner", get(tagged).post(write).layer(inner.layer(hourly())))
        .layer(outer.layer(hourly()));
    let site = Site::of(router).await;
    for path in ["/outer", "/inner"] {
        assert_eq!(site.get(path).await.x_cache(), "MISS");
        assert_eq!(site.get(path).await.x_cache(), "HIT");
    }
    let written = site.ask(Method::POST, "/inner").send().await;
    assert_eq!(written.all("x-cache"), ["BYPASS"]);
    assert_eq!(written.cache_status().matches("Larder").count(), 1);
    for path in ["/outer", "/inner"] {
        assert_eq!(site.get(path).await.x_cache(), "MISS", "{path}");
    }
}

/// The innermost of three layers handles the request. A route without it is handled by the next
/// layer.
#[tokio::test]
async fn of_three_layers_the_innermost_wins() {
    let (cache, clock) = cache();
    let layer = |seconds| cache.layer(Policy::ttl(secs(seconds)).jitter(0.0));
    let router = Router::new()
        .route("/three", get(|| async { "3" }).layer(layer(10)))
        .route("/two", get(|| async { "2" }))
        .layer(layer(100));
    let router = Router::new().merge(router).route("/one", get(|| async { "1" })).layer(layer(1_000));
    let site = Site::of(router).await;
    for (path, seconds) in [("/three", 10), ("/two", 100), ("/one", 1_000)] {
        assert_eq!(site.get(path).await.x_cache(), "MISS");
        clock.advance(secs(seconds - 1));
        assert_eq!(site.get(path).await.x_cache(), "HIT", "{path}");
        clock.advance(secs(2));
        assert_eq!(site.get(path).await.x_cache(), "MISS", "{path}");
    }
}

/// A route with credentials that only the inner policy declares is cached by the inner policy.
#[tokio::test]
async fn a_route_with_credentials_is_cached_by_its_own_policy() {
    let (cache, _) = cache();
    let by_token =
        |parts: &Parts| Some(parts.headers.get(http::header::AUTHORIZATION)?.to_str().ok()?.to_owned());
    let router = Router::new()
        .route("/me", get(me).layer(cache.layer(hourly().per_user(by_token))))
        .layer(cache.layer(hourly()));
    let site = Site::of(router).await;
    for expected in ["MISS", "HIT"] {
        let page = site.ask(Method::GET, "/me").with("authorization", "Bearer a").send().await;
        assert_eq!(page.all("x-cache"), [expected]);
    }
    let other = site.ask(Method::GET, "/me").with("authorization", "Bearer b").send().await;
    assert_eq!(other.x_cache(), "MISS");
}

/// The inner layer's tag names its stored response.
#[tokio::test]
async fn the_inner_layers_tag_is_what_invalidates() {
    let (cache, _): (Cache, _) = cache();
    let router = Router::new()
        .route("/{id}", get(|| async { "page" }).layer(cache.layer(hourly().tag("product:{id}"))))
        .layer(cache.layer(hourly()));
    let site = Site::of(router).await;
    site.get("/7").await;
    assert_eq!(site.get("/7").await.x_cache(), "HIT");
    let _ = cache.invalidate(Tag::new("product:7")).await;
    assert_eq!(site.get("/7").await.x_cache(), "MISS");
}

/// The same layer around a router and around its route counts once.
#[tokio::test]
async fn a_layer_that_is_applied_twice_is_one_layer() {
    let (cache, _) = cache();
    let layer = cache.layer(hourly());
    let origin = Origin::new(|_, call| Answer::ok(call.to_string()));
    let router = Router::new().route_service("/a", layer.layer(origin.clone())).layer(layer);
    let site = Arc::new(Site::of(router).await);
    let at_once: Vec<_> = (0..10)
        .map(|_| {
            let site = Arc::clone(&site);
            tokio::spawn(async move { site.get("/a").await })
        })
        .collect();
    for page in all(at_once).await {
        assert_eq!((page.text().as_str(), page.all("x-cache").len()), ("1", 1));
    }
    let page = site.get("/a").await;
    assert!(page.is("HIT", "1"));
    assert_eq!(page.all("x-cache"), ["HIT"]);
    assert_eq!(origin.calls(), 1);
}

/// The outer layer asks for the position of what it is about to store. When it learns of the inner
/// layer, it passes the response on to a client that did not ask.
#[tokio::test]
async fn no_client_gets_the_position_that_an_outer_layer_asks_for() {
    let ready = async || {
        let cache = Cache::builder().shared_store(MemoryStore::new()).build();
        soon("the store", cache.ready(secs(20))).await.unwrap();
        cache
    };
    let (inner, outer) = (ready().await, ready().await);
    let layer = inner.layer(hourly().behind_gateway());
    let router = Router::new().fallback_service(layer.layer(Origin::always(Answer::ok("page"))));
    let (direct, around) =
        (Site::of(router.clone()).await, Site::of(router.layer(outer.layer(hourly()))).await);
    let ask = async |site: &Site, field| {
        let page = site.ask(Method::GET, "/a").with("host", "shop").with(field, "0").send().await;
        (page.x_cache(), page.all("larder-position").len())
    };
    assert_eq!(ask(&direct, "x-none").await, ("MISS".to_owned(), 0));
    assert_eq!(ask(&direct, "larder-fill").await, ("HIT".to_owned(), 1));
    for _ in 0..2 {
        assert_eq!(ask(&around, "x-none").await, ("HIT".to_owned(), 0));
    }
}

/// The outer layer learns of the inner one while both requests wait. Each has a response of its
/// own.
#[tokio::test]
async fn the_invalidation_of_a_request_that_waited_for_another_one_counts() {
    let ((outer, _), (inner, _), gate) = (cache(), cache(), Gate::new());
    let wait = {
        let gate = gate.clone();
        move |request: axum::extract::Request, next: axum::middleware::Next| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                next.run(request).await
            }
        }
    };
    let policy = hourly().key_header(HeaderName::from_static("x-number"));
    let handler = get(|| async { (Invalidation::tag("thing"), "page") });
    let router = Router::new()
        .route("/a", handler.layer(inner.layer(policy)).layer(axum::middleware::from_fn(wait)))
        .layer(outer.layer(hourly()));
    let (site, door) = behind_door(router).await;
    let ask = |number: &'static str| {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.ask(Method::GET, "/a").with("x-number", number).send().await })
    };
    let pages = vec![ask("1"), ask("2")];
    door.came(2).await;
    gate.open();
    assert!(all(pages).await.iter().all(|page| page.text() == "page"));
    assert_eq!((inner.stats().invalidations, outer.stats().invalidations), (2, 2));
}
