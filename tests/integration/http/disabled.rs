//! A cache that is switched off, and layers from an `Option`.

use axum::Router;
use axum::routing::get;
use http::Method;
use larder::{Cache, CacheLayer, Invalidation, InvalidationOutcome, Tag};
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;
use tower::Layer as _;

use crate::support::{cache, hourly, site};

#[tokio::test]
async fn every_request_goes_to_the_handler_and_says_so() {
    let cache = Cache::disabled();
    let origin = Origin::new(|request, _| Answer::ok(request.method.to_string()));
    let site = site(&cache, hourly().honor_request_directives(), &origin).await;
    for method in [Method::GET, Method::GET, Method::POST, Method::OPTIONS] {
        let page = site.ask(method.clone(), "/a").with("cache-control", "only-if-cached").send().await;
        assert!(page.is("BYPASS", method.as_str()), "{method} {:?}", page.headers);
        assert!(page.cache_status().ends_with("; detail=disabled"), "{}", page.cache_status());
    }
    assert_eq!(cache.stats().bypasses.get("disabled"), Some(&4));
    assert_eq!((origin.calls(), cache.stats().memory_entries), (4, 0));
}

/// A handler sees the request unchanged: a cache removes a `Range` that `HEAD` must not have.
#[tokio::test]
async fn requests_are_not_altered() {
    let origin = Origin::new(|request, _| {
        let field = |name| request.headers.contains_key(name);
        Answer::ok("").header("x-seen", if field("range") && field("if-match") { "both" } else { "less" })
    });
    let site = site(&Cache::disabled(), hourly(), &origin).await;
    let asked = site.ask(Method::HEAD, "/a").with("range", "bytes=0-1").with("if-match", "\"a\"");
    assert_eq!(asked.send().await.field("x-seen"), "both");
}

#[tokio::test]
async fn there_is_nothing_to_invalidate() {
    let cache = Cache::disabled();
    assert_eq!(cache.invalidate(Tag::new("a")).await, InvalidationOutcome::Applied);
    assert_eq!(cache.invalidate(Invalidation::all()).await, InvalidationOutcome::Applied);
    assert_eq!(cache.ready(std::time::Duration::ZERO).await, Ok(()));
    assert_eq!(cache.stats().invalidations, 0);
}

/// A disabled layer between two others is as if it were not there.
#[tokio::test]
async fn a_disabled_layer_changes_nothing_for_the_layers_around_and_within() {
    let disabled = Cache::disabled();
    let (around, _) = cache();
    let origin = Origin::new(|_, _| Answer::ok("hello"));
    let inner = disabled.layer(hourly()).layer(origin.clone());
    let site = Site::of(Router::new().fallback_service(around.layer(hourly()).layer(inner))).await;
    assert!(site.get("/").await.is("MISS", "hello"));
    let hit = site.get("/").await;
    assert!(hit.is("HIT", "hello"));
    assert!(!hit.cache_status().contains("disabled"), "{}", hit.cache_status());

    let (around, within) = (cache().0, cache().0);
    let layers = (around.layer(hourly()), disabled.layer(hourly()), within.layer(hourly()));
    let service = layers.0.layer(layers.1.layer(layers.2.layer(origin)));
    let site = Site::of(Router::new().fallback_service(service)).await;
    for expected in ["MISS", "HIT", "HIT"] {
        assert_eq!(site.get("/").await.x_cache(), expected);
    }
    assert_eq!((around.stats().stored, within.stats().stored), (0, 1), "the innermost layer stores");
}

/// An application whose configuration may switch its cache off.
#[tokio::test]
async fn a_layer_from_an_option() {
    for cache in [Some(cache().0), None] {
        let expected = if cache.is_some() { "HIT" } else { "BYPASS" };
        let layer = |policy| CacheLayer::from(cache.as_ref().map(|cache| cache.layer(policy)));
        let router: Router = Router::new()
            .route("/route", get(async || "hello").layer(layer(hourly())))
            .route("/router", get(async || "hello"))
            .layer(layer(hourly().tag("a")));
        let site = Site::of(router).await;
        for path in ["/route", "/router"] {
            site.get(path).await;
            assert!(site.get(path).await.is(expected, "hello"), "{path}");
        }
    }
}
