//! The kill switch: an operator bypasses the cache until a time.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::Method;
use larder::{Cache, Invalidation, SwitchError, SwitchErrorKind, SwitchReach, SwitchScope, Tag, ttl};
use larder_testing::{Answer, Gate, MemoryStore, Origin};
use larder_tests::http::{Page, Site, soon};
use tower::Layer as _;

use crate::support::{cache, hourly, secs, site};
use crate::warnings::Warnings;

const ANN: &str = "ann@example.com";

fn kind(result: Result<(), SwitchError>) -> SwitchErrorKind {
    result.unwrap_err().kind()
}

fn is_switched_off(page: &Page) -> bool {
    page.x_cache() == "BYPASS" && page.cache_status().ends_with("; detail=switched-off")
}

#[tokio::test]
async fn the_whole_cache_is_bypassed_until_the_time_is_over() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, call| Answer::ok(call.to_string()));
    let site = site(&cache, hourly(), &origin).await;
    site.get("/a").await;
    assert!(site.get("/a").await.is("HIT", "1"));
    cache.bypass(SwitchScope::All, secs(60), ANN).unwrap();
    for call in ["2", "3"] {
        let page = site.get("/a").await;
        assert!(is_switched_off(&page) && page.text() == call, "{:?}", page.headers);
    }
    assert_eq!(cache.stats().bypasses.get("switched-off"), Some(&2));
    assert_eq!(cache.stats().stored, 1, "nothing was stored meanwhile");
    clock.advance(secs(59));
    assert!(is_switched_off(&site.get("/a").await));
    clock.advance(secs(1));
    assert!(site.get("/a").await.is("HIT", "1"));
    assert_eq!(cache.switches(), []);
}

#[tokio::test]
async fn it_ends_early_if_it_is_resumed() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &Origin::always(Answer::ok("a"))).await;
    site.get("/a").await;
    cache.bypass(SwitchScope::All, secs(60), ANN).unwrap();
    assert!(is_switched_off(&site.get("/a").await));
    assert_eq!(cache.resume(&SwitchScope::route("/a"), ANN), Ok(false));
    assert!(is_switched_off(&site.get("/a").await));
    assert_eq!(cache.resume(&SwitchScope::All, ANN), Ok(true));
    assert!(site.get("/a").await.is("HIT", "a"));
    assert_eq!(cache.resume(&SwitchScope::All, ANN), Ok(false));
}

/// Routes are named as in metrics: by the policy, or by the path that axum matched.
#[tokio::test]
async fn a_route_or_a_class_is_bypassed_and_no_other() {
    let (cache, _) = cache();
    let layer = |policy| cache.layer(policy);
    let api = Router::new().route("/products/{id}", get(async || "a").layer(layer(hourly())));
    let router = Router::new()
        .nest("/api", api)
        .route("/search", get(async || "a").layer(layer(hourly().name("find"))))
        .route("/live", get(async || "a").layer(layer(larder::Policy::ttl(ttl::REALTIME).jitter(0.0))));
    let site = Site::of(router).await;
    let paths = ["/api/products/1", "/search", "/live"];
    for path in paths {
        site.get(path).await;
    }
    let scopes = [
        SwitchScope::route("/api/products/{id}"),
        SwitchScope::route("find"),
        SwitchScope::class("realtime"),
    ];
    for (covered, scope) in scopes.iter().enumerate() {
        cache.bypass(scope.clone(), secs(60), ANN).unwrap();
        for (index, path) in paths.iter().enumerate() {
            let page = site.get(path).await;
            assert_eq!(is_switched_off(&page), index == covered, "{scope} {path} {:?}", page.headers);
        }
        cache.resume(scope, ANN).unwrap();
    }
    for scope in [SwitchScope::route("/search"), SwitchScope::class("custom")] {
        cache.bypass(scope, secs(60), ANN).unwrap();
    }
    for path in paths {
        assert!(site.get(path).await.is("HIT", "a"), "{path}");
    }
}

/// The stored responses are right when the switch ends.
#[tokio::test]
async fn writes_still_invalidate() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, call| Answer::ok(call.to_string()));
    let site = site(&cache, hourly().tag("a"), &origin).await;
    for path in ["/written", "/tagged", "/untouched"] {
        site.get(path).await;
    }
    cache.bypass(SwitchScope::All, secs(60), ANN).unwrap();
    site.ask(Method::POST, "/written").send().await;
    clock.advance(secs(60));
    assert!(site.get("/written").await.cache_status().contains("detail=invalidated"));
    assert!(site.get("/tagged").await.is("HIT", "2"));
    cache.bypass(SwitchScope::All, secs(60), ANN).unwrap();
    let _ = cache.invalidate(Tag::new("a")).await;
    clock.advance(secs(60));
    assert!(site.get("/tagged").await.cache_status().contains("detail=invalidated"));
}

/// A layer that is created while a switch is set knows of it.
#[tokio::test]
async fn a_later_layer_is_covered_too() {
    let (cache, _) = cache();
    cache.bypass(SwitchScope::All, secs(60), ANN).unwrap();
    let site = site(&cache, hourly(), &Origin::always(Answer::ok("a"))).await;
    assert!(is_switched_off(&site.get("/a").await));
}

/// The handler gets the request as it is, as without a cache.
#[tokio::test]
async fn requests_are_not_altered_and_no_504_is_made_up() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let field = |name| request.headers.contains_key(name);
        Answer::ok("").header("x-seen", if field("range") { "all" } else { "less" })
    });
    let site = site(&cache, hourly().honor_request_directives(), &origin).await;
    cache.bypass(SwitchScope::All, secs(60), ANN).unwrap();
    let asked = site.ask(Method::HEAD, "/a").with("range", "bytes=0-1");
    let page = asked.with("cache-control", "only-if-cached").send().await;
    assert_eq!((page.status.as_u16(), &*page.field("x-seen")), (200, "all"));
}

/// Of nested layers, the innermost one decides, and each request counts once.
#[tokio::test]
async fn nested_layers_are_bypassed_together() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("a"));
    let inner = cache.layer(hourly().name("inner")).layer(origin);
    let outer = cache.layer(hourly().name("outer")).layer(inner);
    let site = Site::of(Router::new().fallback_service(outer)).await;
    for expected in ["MISS", "HIT"] {
        assert_eq!(site.get("/").await.x_cache(), expected);
    }
    cache.bypass(SwitchScope::route("outer"), secs(60), ANN).unwrap();
    assert_eq!(site.get("/").await.x_cache(), "HIT", "the inner layer handles it");
    cache.bypass(SwitchScope::All, secs(60), ANN).unwrap();
    assert!(is_switched_off(&site.get("/").await));
}

/// A fill that has begun ends as it would have.
#[tokio::test]
async fn a_running_fill_is_stored() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| Answer::ok("a").held_at(&gate)
    });
    let site = std::sync::Arc::new(site(&cache, hourly(), &origin).await);
    let filling = tokio::spawn({
        let site = std::sync::Arc::clone(&site);
        async move { site.get("/a").await }
    });
    soon("the handler", gate.arrived(1)).await;
    cache.bypass(SwitchScope::All, secs(60), ANN).unwrap();
    gate.open();
    assert_eq!(soon("the fill", filling).await.unwrap().x_cache(), "MISS");
    clock.advance(secs(60));
    assert!(site.get("/a").await.is("HIT", "a"));
}

#[tokio::test]
async fn the_list_has_who_and_until_when() {
    let (cache, clock) = cache();
    let route = SwitchScope::route("/a");
    cache.bypass(route.clone(), secs(60), ANN).unwrap();
    clock.advance(secs(10));
    cache.bypass(SwitchScope::All, secs(5), "bob").unwrap();
    let switches = cache.switches();
    let shown: Vec<_> = switches.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["route /a on this instance, by ann@example.com", "all on this instance, by bob"]);
    assert_eq!(switches[0].until.duration_since(switches[0].since).unwrap(), secs(60));
    assert_eq!((switches[0].reach, &switches[0].scope), (SwitchReach::Instance, &route));
    let json = serde_json::to_value(&switches).unwrap();
    assert_eq!(json[0]["scope"], serde_json::json!({"route": "/a"}));
    assert_eq!(json[1]["scope"], "all");
    assert_eq!(json[1]["until"].as_u64().unwrap() - json[1]["since"].as_u64().unwrap(), 5);
    clock.advance(secs(5));
    assert_eq!(cache.switches().len(), 1);
    cache.bypass(route, secs(10), "bob").unwrap();
    assert_eq!(cache.switches().len(), 1, "a switch with the same scope is replaced");
    assert_eq!(&*cache.switches()[0].who, "bob");
}

#[tokio::test]
async fn each_change_is_logged_with_who_and_what() {
    let (warnings, _guard) = Warnings::listen();
    let (cache, clock) = cache();
    cache.bypass(SwitchScope::route("/a"), secs(60), ANN).unwrap();
    cache.bypass(SwitchScope::All, secs(5), "bob").unwrap();
    cache.resume(&SwitchScope::route("/a"), "carl").unwrap();
    cache.resume(&SwitchScope::route("/a"), "carl").unwrap();
    clock.advance(secs(5));
    assert!(cache.switches().is_empty());
    let lines = warnings.take();
    let expected = [
        vec!["cache switched off", "scope=route /a", "seconds=60", ANN, "\"instance\""],
        vec!["cache switched off", "scope=all", "seconds=5", "bob"],
        vec!["cache switched on", "scope=route /a", "carl", ANN],
        vec!["cache switched on: the time of the switch is over", "scope=all", "bob"],
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, parts) in lines.iter().zip(expected) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line} {parts:?}");
    }
}

#[tokio::test]
async fn everything_is_bounded() {
    let (cache, _) = cache();
    let (all, day) = (SwitchScope::All, Duration::from_secs(24 * 60 * 60));
    for duration in [Duration::ZERO, day + Duration::from_nanos(1), Duration::MAX] {
        assert_eq!(kind(cache.bypass(all.clone(), duration, ANN)), SwitchErrorKind::Duration);
    }
    for who in ["", "a\nb", &"x".repeat(129)] {
        assert_eq!(kind(cache.bypass(all.clone(), secs(1), who)), SwitchErrorKind::Who);
        assert_eq!(cache.resume(&all, who).unwrap_err().kind(), SwitchErrorKind::Who);
    }
    for name in ["", &"x".repeat(257)] {
        assert_eq!(kind(cache.bypass(SwitchScope::route(name), secs(1), ANN)), SwitchErrorKind::Scope);
        assert_eq!(kind(cache.bypass(SwitchScope::class(name), secs(1), ANN)), SwitchErrorKind::Scope);
    }
    assert!(cache.switches().is_empty());
    cache.bypass(all, day, ANN).unwrap();
    for route in 1..64 {
        cache.bypass(SwitchScope::route(route.to_string()), secs(1), ANN).unwrap();
    }
    assert_eq!(kind(cache.bypass(SwitchScope::route("one more"), secs(1), ANN)), SwitchErrorKind::TooMany);
    cache.bypass(SwitchScope::route("7"), secs(2), ANN).unwrap();
}

#[tokio::test]
async fn a_cache_without_such_a_store_has_no_switch_for_all_instances() {
    let (alone, _) = cache();
    let unsupported = Cache::builder().shared_store(MemoryStore::new()).build();
    for cache in [alone, unsupported] {
        let error = cache.bypass_fleet(SwitchScope::All, secs(1), ANN).await.unwrap_err();
        assert_eq!(error.kind(), SwitchErrorKind::NoStore, "{error}");
        let error = cache.resume_fleet(&SwitchScope::All, ANN).await.unwrap_err();
        assert_eq!(error.kind(), SwitchErrorKind::NoStore, "{error}");
        assert_eq!(cache.switches(), []);
        let _ = cache.invalidate(Invalidation::all()).await;
    }
}
