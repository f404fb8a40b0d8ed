//! Invalidations in responses to any method, with and without a layer of a cache around the route.

use std::convert::Infallible;

use axum::Router;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::{any, delete, get, post, put};
use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::Full;
use larder::{Cache, Invalidation, InvalidationLayer, Policy, ReadYourWrites, Tag, Tags, ttl};
use larder_testing::{Answer, Gate, MemoryStore, Origin};
use larder_tests::http::{Site, soon};
use tower::{Layer as _, ServiceExt as _};

use crate::support::{behind_door, cache, counted, hourly};
use crate::warnings::Warnings;

async fn page() -> impl IntoResponse {
    (Tags::from(["thing"]), "page")
}

async fn write() -> Invalidation {
    Invalidation::tag("thing")
}

/// Fills `/page`, sends the request, and returns whether `/page` was invalidated.
async fn invalidates(site: &Site, method: Method, path: &str) -> bool {
    site.get("/page").await;
    assert_eq!(site.get("/page").await.x_cache(), "HIT");
    site.ask(method, path).send().await;
    site.get("/page").await.x_cache() == "MISS"
}

/// A route whose layer was added before its write, and routes without any layer.
#[tokio::test]
async fn a_write_without_a_layer_invalidates_through_that_of_the_application() {
    let (cache, _) = cache();
    let layer = cache.layer(hourly());
    let router = Router::new()
        .route("/page", get(page).layer(layer).post(write))
        .route("/write", put(write).delete(write))
        .layer(cache.invalidation_layer());
    let site = Site::of(router).await;
    for (method, path) in [(Method::POST, "/page"), (Method::PUT, "/write"), (Method::DELETE, "/write")] {
        assert!(invalidates(&site, method.clone(), path).await, "{method} {path}");
    }
    assert!(!invalidates(&site, Method::PATCH, "/write").await, "405");
    assert_eq!(cache.stats().invalidations, 3, "the URI of a write is not invalidated");
}

#[tokio::test]
async fn an_invalidation_counts_whatever_the_method_and_the_status() {
    let (cache, _) = cache();
    let failing = || async { (StatusCode::CONFLICT, Invalidation::tag("thing")) };
    let router = Router::new()
        .route("/page", get(page).layer(cache.layer(hourly())))
        .route("/any", any(write))
        .route("/failing", any(failing))
        .layer(cache.invalidation_layer());
    let site = Site::of(router).await;
    for method in
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::from_bytes(b"BREW").unwrap()]
    {
        for path in ["/any", "/failing"] {
            assert!(invalidates(&site, method.clone(), path).await, "{method} {path}");
        }
    }
}

/// A `GET` with side effects, such as a confirmation link. It counts when the handler runs, not on
/// hits.
#[tokio::test]
async fn an_invalidation_by_a_get_counts_once_and_is_not_stored_with_the_response() {
    let (cache, _) = cache();
    let origin = || get(|| async { (Invalidation::tag("thing"), "confirmed") });
    let bypassing = hourly().key_with(|_| None);
    let router = Router::new()
        .route("/page", get(page).layer(cache.layer(hourly())))
        .route("/confirm", origin().layer(cache.layer(hourly())))
        .route("/bypassing", origin().layer(cache.layer(bypassing)));
    let site = Site::of(router).await;
    assert!(invalidates(&site, Method::GET, "/confirm").await);
    assert_eq!(cache.stats().invalidations, 1);
    assert_eq!(site.get("/confirm").await.x_cache(), "HIT");
    assert!(!invalidates(&site, Method::GET, "/confirm").await, "a hit");
    assert_eq!(cache.stats().invalidations, 1);
    assert!(invalidates(&site, Method::HEAD, "/bypassing").await);
    assert!(invalidates(&site, Method::GET, "/bypassing").await);
    assert!(!invalidates(&site, Method::OPTIONS, "/bypassing").await, "405");
}

/// Without memory, the cache looks into the store before it sees that it may not store the
/// response.
#[tokio::test]
async fn an_invalidation_in_a_response_that_bypasses_late_counts() {
    let cache = Cache::builder().shared_store(MemoryStore::new()).max_memory_bytes(0).build();
    soon("the store", cache.ready(ttl::STANDARD)).await.unwrap();
    let router = Router::new().route("/write", get(write).layer(cache.layer(hourly())));
    let site = Site::of(router).await;
    let page = site.ask(Method::GET, "/write").with("x-http-method-override", "PUT").send().await;
    assert_eq!((page.x_cache().as_str(), cache.stats().invalidations), ("BYPASS", 1));
}

/// The fill began before the invalidation, so its response is refused.
#[tokio::test]
async fn a_get_that_names_its_own_response_is_not_stored() {
    let (cache, _) = cache();
    let own = || async { (Tags::from(["own"]), Invalidation::tag("own"), "page") };
    let site = Site::of(Router::new().route("/", get(own).layer(cache.layer(hourly())))).await;
    for _ in 0..2 {
        assert!(site.get("/").await.is("MISS", "page"));
    }
}

/// A failed refresh and a stale response instead of the handler's do not lose the part.
#[tokio::test]
async fn an_invalidation_by_a_handler_that_fails_counts_while_a_stale_response_is_served() {
    let (cache, clock) = cache();
    let fails = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let handler = {
        let fails = fails.clone();
        move || async move {
            match fails.load(std::sync::atomic::Ordering::SeqCst) {
                true => (StatusCode::BAD_GATEWAY, Invalidation::tag("thing")).into_response(),
                false => "fine".into_response(),
            }
        }
    };
    let policy = hourly().stale_if_error(ttl::REFERENCE);
    let router = Router::new()
        .route("/page", get(page).layer(cache.layer(Policy::ttl(ttl::REFERENCE))))
        .route("/other", get(handler).layer(cache.layer(policy)));
    let site = Site::of(router).await;
    site.get("/other").await;
    clock.advance(ttl::STANDARD);
    fails.store(true, std::sync::atomic::Ordering::SeqCst);
    site.get("/page").await;
    assert!(site.get("/other").await.is("STALE", "fine"));
    assert_eq!(site.get("/page").await.x_cache(), "MISS");
}

/// However many layers of one cache a response goes through, each part is appended once. A part
/// that is added between two layers is appended by the outer one.
#[tokio::test]
async fn nested_layers_act_on_each_part_once_per_cache() {
    let (one, _) = cache();
    let (other, _) = cache();
    let add = axum::middleware::map_response(async |response: axum::response::Response| {
        (Invalidation::tag("added"), response).into_response()
    });
    let by_hand = tower::service_fn(|_: Request<axum::body::Body>| async {
        let mut response = "by hand".into_response();
        response.extensions_mut().insert(Invalidation::tag("thing"));
        Ok::<_, Infallible>(response)
    });
    let router = Router::new()
        .route("/write", post(write).get(write))
        .route_service("/hand", by_hand)
        .layer(one.invalidation_layer())
        .layer(one.layer(hourly().tag("x")))
        .layer(other.layer(hourly()))
        .layer(add)
        .layer(one.invalidation_layer())
        .layer(other.invalidation_layer())
        .layer(one.invalidation_layer());
    let site = Site::of(router).await;
    let mut expected = 0;
    for (method, path, parts) in
        [(Method::POST, "/write", 2), (Method::GET, "/write", 2), (Method::POST, "/hand", 2)]
    {
        site.ask(method.clone(), path).send().await;
        // Both cache layers invalidate the URI of a write.
        expected += parts + u64::from(method == Method::POST);
        assert_eq!(one.stats().invalidations, expected, "{method} {path}");
        assert_eq!(other.stats().invalidations, expected, "{method} {path}");
    }
}

/// Each of two caches has its own layer, and neither nests in a cache layer.
#[tokio::test]
async fn each_cache_around_a_write_invalidates() {
    let (one, _) = cache();
    let (other, _) = cache();
    let router = Router::new()
        .route("/page", get(page).layer(one.layer(hourly())))
        .route("/write", post(write).layer(other.layer(hourly())))
        .layer(one.invalidation_layer());
    let site = Site::of(router).await;
    assert!(invalidates(&site, Method::POST, "/write").await);
    assert_eq!(other.stats().invalidations, 2, "its URI and the part");
}

#[tokio::test]
async fn a_client_that_leaves_takes_no_invalidation_with_it() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let handler = {
        let gate = gate.clone();
        move || async move {
            gate.pass().await;
            Invalidation::tag("thing")
        }
    };
    let router = Router::new().route("/write", post(handler)).layer(cache.invalidation_layer());
    let (site, door) = behind_door(router).await;
    let asking = {
        let site = site.clone();
        tokio::spawn(async move { site.ask(Method::POST, "/write").head().await.map(drop) })
    };
    soon("the write", gate.arrived(1)).await;
    asking.abort();
    door.left(1).await;
    gate.open();
    counted(&cache, |stats| stats.invalidations == 1).await;
}

/// Beyond the limit, a write ends with its client, as it would without the layer.
#[tokio::test]
async fn the_number_of_writes_without_a_client_is_limited() {
    let cache = Cache::builder().max_abandoned_writes(0).build();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| Answer::ok("").held_at(&gate)
    });
    let service = cache.invalidation_layer().layer(origin.clone());
    let client = tokio::spawn(service.oneshot(Request::post("/").body(Full::<Bytes>::default()).unwrap()));
    soon("the write", gate.arrived(1)).await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    assert!(soon("the end", cache.close()).await.is_clean(), "the handler was cancelled");
}

/// An error of the inner service is passed on, and its readiness too.
#[tokio::test]
async fn the_layer_adds_no_error() {
    let cache = Cache::default();
    let failing = tower::service_fn(|_: Request<()>| async { Err::<Response<()>, _>("broken") });
    for method in [Method::GET, Method::POST] {
        let request = Request::builder().method(method).body(()).unwrap();
        let service = cache.invalidation_layer().layer(failing);
        assert_eq!(service.oneshot(request).await.unwrap_err(), "broken");
    }
}

/// A route that is only written gives its clients a token for the routes that they read.
#[tokio::test]
async fn a_write_carries_a_token_where_the_layer_says_so() {
    const NAME: HeaderName = HeaderName::from_static("larder-token");
    let (cache, _) = cache();
    let options = || ReadYourWrites::header(NAME);
    let repeat = |headers: http::HeaderMap| async move { headers.contains_key(NAME).to_string() };
    let reading = get(page).put(repeat).layer(cache.layer(hourly().read_your_writes(options())));
    let router = Router::new()
        .route("/page", reading)
        .route("/write", post(write).put(repeat).get(repeat))
        .layer(cache.invalidation_layer().read_your_writes(options()));
    let site = Site::of(router).await;
    let written = site.ask(Method::POST, "/write").send().await;
    assert_eq!(written.field("larder-token"), cache.token().to_string());
    let token = written.field("larder-token");
    let read = site.ask(Method::GET, "/page").with("larder-token", &token).send().await;
    assert_eq!(read.x_cache(), "MISS");
    for (method, path, seen) in
        [(Method::PUT, "/write", "false"), (Method::PUT, "/page", "false"), (Method::GET, "/write", "true")]
    {
        let page = site.ask(method.clone(), path).with("larder-token", &token).send().await;
        assert_eq!(page.text(), seen, "{method} {path}");
        assert_eq!(page.all("larder-token").len(), usize::from(method == Method::PUT), "{method} {path}");
    }
}

/// The token that a client brings stays, unless the write was appended after it.
#[tokio::test]
async fn a_token_that_a_write_brings_is_kept_unless_the_write_is_in_the_log() {
    let (cache, _) = cache();
    let options = ReadYourWrites::header(HeaderName::from_static("larder-token"));
    let router = Router::new()
        .route("/write", post(write).put(async || "nothing is invalidated"))
        .layer(cache.invalidation_layer().read_your_writes(options));
    let site = Site::of(router).await;
    let brought = Cache::default().token().to_string();
    for (method, is_appended) in [(Method::PUT, false), (Method::POST, true)] {
        let page = site.ask(method.clone(), "/write").with("larder-token", &brought).send().await;
        let expected = if is_appended { cache.token().to_string() } else { brought.clone() };
        assert_eq!(page.field("larder-token"), expected, "{method}");
    }
}

#[test]
#[should_panic(expected = "invalid invalidation layer: \"a b\" cannot be the name of a cookie")]
fn an_invalid_cookie_is_found_at_start() {
    let _: InvalidationLayer =
        Cache::default().invalidation_layer().read_your_writes(ReadYourWrites::cookie("a b"));
}

/// The warnings about parts that were created in this file, without the place.
fn unused(warnings: &Warnings) -> Vec<(String, String)> {
    let split = |text: String| {
        let place = text.split("created_at=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        (place, text)
    };
    warnings.take().into_iter().map(split).collect()
}

#[tokio::test]
async fn a_part_without_effect_is_warned_of_once_for_each_place() {
    let (warnings, _guard) = Warnings::listen();
    let (cache, _) = cache();
    let one = line!() + 1;
    let first = || async { Invalidation::tag("thing") };
    let second = |Path(id): Path<u64>| async move { (Invalidation::of(Tag::new(format!("x:{id}"))), "body") };
    let router = Router::new()
        .route("/page", get(page).layer(cache.layer(hourly())).post(first))
        .route("/second/{id}", get(second).delete(second));
    let site = Site::of(router).await;
    assert!(!invalidates(&site, Method::POST, "/page").await);
    let first = unused(&warnings);
    assert_eq!(first.len(), 1, "{first:?}");
    let file = "tests/integration/http/invalidation_layer.rs";
    assert!(first[0].0.starts_with(&format!("{file}:{one}:")), "{first:?}");
    assert!(first[0].1.contains("add cache.invalidation_layer() around the route"), "{first:?}");
    for id in 1..3 {
        site.ask(Method::GET, &format!("/second/{id}")).send().await;
        site.ask(Method::DELETE, &format!("/second/{id}")).send().await;
        site.ask(Method::POST, "/page").send().await;
    }
    let second = unused(&warnings);
    assert_eq!(second.len(), 1, "{second:?}");
    assert!(second[0].0.starts_with(&format!("{file}:{}:", one + 1)), "{second:?}");
}

/// A middleware may clone a response, merge parts, or drop one of two clones.
#[tokio::test]
async fn a_part_that_has_an_effect_is_not_warned_of() {
    let (warnings, _guard) = Warnings::listen();
    let (cache, _) = cache();
    let cloned = axum::middleware::map_response(async |response: axum::response::Response| {
        let extensions = response.extensions().clone();
        drop(extensions);
        response
    });
    let two = || async { (Invalidation::tag("one"), Invalidation::tag("two").soft(), "body") };
    let router = Router::new()
        .route("/cached", get(two).post(two).layer(cache.layer(hourly())))
        .route("/plain", delete(two).get(two))
        .layer(cloned)
        .layer(cache.invalidation_layer());
    let site = Site::of(router).await;
    for (method, path) in [
        (Method::GET, "/cached"),
        (Method::POST, "/cached"),
        (Method::DELETE, "/plain"),
        (Method::GET, "/plain"),
    ] {
        site.ask(method, path).send().await;
    }
    // An invalidation that is no response part is none of the layers' business.
    let _ = cache.invalidate(Invalidation::tag("thing").and_tag("other")).await;
    drop(Invalidation::all());
    assert_eq!(warnings.take(), [""; 0]);
}
