//! Explanations: which layer answers, and requests that reach none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use http::{Method, Request, StatusCode};
use larder::explain::{ExplainErrorKind, Explanation};
use larder::outcome::{BypassReason, MissReason, Outcome, Tier};
use larder::{Cache, SwitchScope};
use larder_testing::{Answer, Origin};
use tower::{Layer as _, ServiceExt as _};

use crate::support::{cache, hourly, secs};

fn request(path: &str) -> Request<Body> {
    Request::get(path).header("host", "shop.example").body(Body::empty()).unwrap()
}

async fn send(router: &Router, path: &str) -> String {
    let response = router.clone().oneshot(request(path)).await.unwrap();
    response.headers().get("x-cache").map_or_else(String::new, |word| word.to_str().unwrap().to_owned())
}

async fn explain(cache: &Cache, router: &Router, path: &str) -> Explanation {
    cache.explain(router.clone(), request(path)).await.unwrap()
}

#[tokio::test]
async fn nested_routers_know_path_parameters_and_policies() {
    let (cache, _) = cache();
    let layer = cache.layer(hourly().tag("item:{shop}:{id}"));
    let items = Router::new()
        .route("/items/{id}", get(async |Path(path): Path<(u64, u64)>| format!("{path:?}")).layer(layer));
    let router = Router::new().nest("/shops/{shop}", items);
    for expected in [Outcome::Miss(MissReason::NeverStored), Outcome::Hit(Tier::Memory)] {
        let explanation = explain(&cache, &router, "/shops/3/items/7").await;
        assert_eq!(explanation.outcome, expected);
        assert_eq!(
            (&*explanation.route, &*explanation.uri),
            ("/shops/{shop}/items/{id}", "/shops/3/items/7")
        );
        assert_eq!(explanation.names.unwrap().tags, ["item:3:7"]);
        send(&router, "/shops/3/items/7").await;
    }
}

/// The innermost policy wins, as when a request is served.
#[tokio::test]
async fn the_innermost_layer_explains() {
    let (cache, _) = cache();
    let inner = cache.layer(hourly().name("inner"));
    let router = Router::new()
        .route("/in", get(async || "in").layer(inner))
        .route("/out", get(async || "out"))
        .layer(cache.layer(hourly().name("outer")));
    assert!(explain(&cache, &router, "/in").await.may_be_nested, "the route has not answered yet");
    send(&router, "/in").await;
    for _ in 0..2 {
        for (path, route) in [("/in", "inner"), ("/out", "outer")] {
            let explanation = explain(&cache, &router, path).await;
            assert_eq!((&*explanation.route, explanation.may_be_nested), (route, false), "{path}");
            let outcome = explanation.outcome.x_cache();
            assert_eq!(send(&router, path).await, outcome, "{path}");
        }
    }
}

/// Behind a fallback service, an outer layer learns from the first answer what is further in.
#[tokio::test]
async fn an_outer_layer_says_if_it_does_not_know_what_is_further_in() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("a"));
    let inner = Router::new().fallback_service(cache.layer(hourly().name("inner")).layer(origin.clone()));
    let outer = cache.layer(hourly().name("outer")).layer(inner);
    let router = Router::new().fallback_service(outer);
    let first = explain(&cache, &router, "/a").await;
    assert_eq!((&*first.route, first.may_be_nested, origin.calls()), ("outer", true, 0));
    send(&router, "/a").await;
    let second = explain(&cache, &router, "/a").await;
    assert_eq!((&*second.route, second.may_be_nested), ("inner", false));
    assert_eq!(second.outcome, Outcome::Hit(Tier::Memory));
    assert_eq!(origin.calls(), 1);
}

/// A layer that is applied twice.
#[tokio::test]
async fn a_layer_within_itself_explains_once() {
    let (cache, _) = cache();
    let (layer, origin) = (cache.layer(hourly()), Origin::always(Answer::ok("a")));
    let router = Router::new().fallback_service(layer.layer(layer.layer(origin.clone())));
    for expected in ["MISS", "HIT"] {
        let explanation = explain(&cache, &router, "/a").await;
        assert_eq!(explanation.outcome.x_cache(), expected);
        assert_eq!(send(&router, "/a").await, expected);
    }
    assert_eq!(origin.calls(), 1);
}

/// No cache serves, fills or counts a request that is explained for another cache.
#[tokio::test]
async fn the_layers_of_another_cache_are_passed_over() {
    let ((cache, _), (other, _)) = (cache(), cache());
    let origin = Origin::always(Answer::ok("a"));
    let within = cache.layer(hourly()).layer(other.layer(hourly()).layer(origin.clone()));
    let router = Router::new().fallback_service(within);
    assert!(explain(&cache, &router, "/a").await.may_be_nested);
    assert_eq!(explain(&other, &router, "/a").await.outcome, Outcome::Miss(MissReason::NeverStored));
    assert_eq!(origin.calls(), 0);
    // The outer layer learns of the inner one.
    send(&router, "/a").await;
    let stats = (cache.stats(), other.stats());
    assert_eq!(explain(&cache, &router, "/a").await.outcome, Outcome::Bypass(BypassReason::Nested));
    assert_eq!(explain(&other, &router, "/a").await.outcome, Outcome::Hit(Tier::Memory));
    assert_eq!((cache.stats(), other.stats()), stats);
    let error = cache.explain(other_alone(&other, &origin), request("/a")).await.unwrap_err();
    assert_eq!(error.kind(), ExplainErrorKind::NoCacheLayer);
    assert_eq!(origin.calls(), 1);
}

fn other_alone(other: &Cache, origin: &Origin) -> Router {
    Router::new().fallback_service(other.layer(hourly()).layer(origin.clone()))
}

#[tokio::test]
async fn a_disabled_cache_and_a_switch_are_explained() {
    let disabled = Cache::disabled();
    let router = Router::new().route("/a", get(async || "a").layer(disabled.layer(hourly())));
    let explanation = explain(&disabled, &router, "/a").await;
    assert_eq!(explanation.outcome, Outcome::Bypass(BypassReason::Disabled));
    let (cache, _) = cache();
    let router = Router::new().route("/a", get(async || "a").layer(cache.layer(hourly())));
    cache.bypass(SwitchScope::route("/a"), secs(60), "ann").unwrap();
    let explanation = explain(&cache, &router, "/a").await;
    assert_eq!(explanation.outcome, Outcome::Bypass(BypassReason::SwitchedOff));
    assert_eq!(&*explanation.switch.as_ref().unwrap().who, "ann");
    assert!(explanation.to_string().contains("switched off: route /a on this instance, by ann"));
    assert_eq!(send(&router, "/a").await, "BYPASS");
}

/// Nothing can answer in place of the handler, so it runs. The method is safe.
#[tokio::test]
async fn a_route_without_a_layer_is_an_error_with_the_status() {
    let (cache, _) = cache();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let handler = async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        StatusCode::ACCEPTED
    };
    let router = Router::new().route("/plain", get(handler));
    let error = cache.explain(router.clone(), request("/plain")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ExplainErrorKind::NoCacheLayer, Some(StatusCode::ACCEPTED)));
    assert!(error.to_string().contains("202"), "{error}");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    let error = cache.explain(router, request("/nowhere")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ExplainErrorKind::NoCacheLayer, Some(StatusCode::NOT_FOUND)));
}

/// An unsafe request might change something on a route without a layer, so it is not sent.
#[tokio::test]
async fn an_unsafe_request_is_not_sent() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("a"));
    let router = Router::new().fallback_service(cache.layer(hourly()).layer(origin.clone()));
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::CONNECT] {
        let request = Request::builder().method(method).uri("/a").body(Body::empty()).unwrap();
        let error = cache.explain(router.clone(), request).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ExplainErrorKind::UnsafeMethod, None));
    }
    let options = Request::builder().method(Method::OPTIONS).uri("/a").body(Body::empty()).unwrap();
    let explanation = cache.explain(router, options).await.unwrap();
    assert_eq!(explanation.outcome, Outcome::Bypass(BypassReason::Method));
    assert_eq!(origin.calls(), 0);
}

#[tokio::test]
async fn a_layer_around_the_cache_can_refuse_the_request_or_fail() {
    let (cache, _) = cache();
    let refuse =
        async |request: axum::extract::Request, next: Next| match request.headers().get("authorization") {
            Some(_) => Ok(next.run(request).await),
            None => Err(StatusCode::UNAUTHORIZED),
        };
    let layer = cache.layer(hourly().share_authorized());
    let router = Router::new().route("/a", get(async || "a").layer(layer)).layer(from_fn(refuse));
    let error = cache.explain(router.clone(), request("/a")).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED));
    let mut verified = request("/a");
    verified.headers_mut().insert("authorization", "x".parse().unwrap());
    assert!(cache.explain(router, verified).await.is_ok());
    let failing = tower::service_fn(async |_: Request<Body>| {
        Err::<http::Response<Body>, _>(std::io::Error::other("gone"))
    });
    let error = cache.explain(failing, request("/a")).await.unwrap_err();
    assert_eq!(error.kind(), ExplainErrorKind::Service);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "gone");
}

/// The mark is an extension, and a request from outside has none. Its fields can say what they
/// want.
#[tokio::test]
async fn a_client_cannot_ask_for_an_explanation() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("a page"));
    let site = crate::support::site(&cache, hourly(), &origin).await;
    let fields =
        ["explain", "x-explain", "larder-explain", "larder-fill", "larder-position", "x-larder-explain"];
    for field in fields {
        let page = site.ask(Method::GET, "/a").with(field, "1").send().await;
        assert_eq!((page.status.as_u16(), &*page.text()), (200, "a page"), "{field}");
        assert_ne!(page.x_cache(), "", "{field}");
    }
    assert_eq!(origin.calls(), 1);
}
