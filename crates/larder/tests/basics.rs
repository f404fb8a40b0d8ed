//! Tests of the layer around axum services, in memory.
#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used)] // Also for the helpers of tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Path;
use axum::http::{Method, Request, Response, StatusCode, Version, header};
use axum::routing::get;
use larder::{Cache, CacheFor, Invalidation, Policy, Tag, Tags, ttl};
use larder_testing::ManualClock;
use tower::ServiceExt;

struct Shop {
    app: Router,
    cache: Cache,
    clock: ManualClock,
    runs: Arc<AtomicUsize>,
}

fn shop(policy: Policy) -> Shop {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let show = move |Path(id): Path<String>| {
        let run = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move { format!("product {id}, run {run}") }
    };
    let app = Router::new()
        .route("/products/{id}", get(show).put(async || StatusCode::NO_CONTENT))
        .layer(cache.layer(policy));
    Shop { app, cache, clock, runs }
}

impl Shop {
    async fn send(&self, method: Method, uri: &str) -> Response<String> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, "shop")
            .body(Body::empty())
            .unwrap();
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&self, uri: &str) -> Response<String> {
        self.send(Method::GET, uri).await
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

fn field<'a>(response: &'a Response<String>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// RFC 9110 §6.2: the version is that of the message, and not of the stored response. With the
/// version of the handler, a server would close the connection after each hit.
#[tokio::test]
async fn a_hit_does_not_have_the_http_version_of_the_handlers_response() {
    let cache = Cache::default();
    let handler = async || Response::builder().version(Version::HTTP_10).body(Body::from("old")).unwrap();
    let app: Router = Router::new().route("/", get(handler)).layer(cache.layer(Policy::ttl(ttl::STANDARD)));
    for (result, version) in [("MISS", Version::HTTP_10), ("HIT", Version::HTTP_11)] {
        let request = Request::builder().header(header::HOST, "shop").body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["x-cache"], result);
        assert_eq!(response.version(), version, "{result}");
    }
}

#[tokio::test]
async fn the_second_request_is_a_hit_with_its_age() {
    let shop = shop(Policy::ttl(ttl::STANDARD).jitter(0.0));
    let first = shop.get("/products/1").await;
    assert_eq!(field(&first, "x-cache"), "MISS");
    assert_eq!(
        field(&first, "cache-status"),
        "Larder; fwd=uri-miss; fwd-status=200; stored; detail=never-stored"
    );
    shop.clock.advance(Duration::from_secs(7));
    let second = shop.get("/products/1").await;
    assert_eq!(second.body(), "product 1, run 1");
    assert_eq!(field(&second, "x-cache"), "HIT");
    assert_eq!(field(&second, "age"), "7");
    assert_eq!(field(&second, "cache-status"), "Larder; hit; ttl=3593; detail=memory");
    assert_eq!(field(&first, "etag"), field(&second, "etag"));
    assert_eq!(shop.runs(), 1);
}

#[tokio::test]
async fn a_put_through_the_layer_invalidates_its_uri() {
    let shop = shop(Policy::ttl(ttl::STANDARD).jitter(0.0));
    shop.get("/products/1").await;
    shop.get("/products/2").await;
    assert_eq!(shop.send(Method::PUT, "/products/1").await.status(), StatusCode::NO_CONTENT);
    let again = shop.get("/products/1").await;
    assert_eq!(field(&again, "x-cache"), "MISS");
    assert_eq!(
        field(&again, "cache-status"),
        "Larder; fwd=stale; fwd-status=200; stored; detail=invalidated"
    );
    assert_eq!(field(&shop.get("/products/2").await, "x-cache"), "HIT");
}

#[tokio::test]
async fn a_tag_template_names_the_response() {
    let shop = shop(Policy::ttl(ttl::STANDARD).jitter(0.0).tag("product:{id}"));
    shop.get("/products/1").await;
    let _ = shop.cache.invalidate(Tag::new("product:1")).await;
    assert_eq!(field(&shop.get("/products/1").await, "x-cache"), "MISS");
    assert_eq!(field(&shop.get("/products/1").await, "x-cache"), "HIT");
    let _ = shop.cache.invalidate(Invalidation::all()).await;
    assert_eq!(field(&shop.get("/products/1").await, "x-cache"), "MISS");
}

#[tokio::test]
async fn head_is_answered_from_what_get_stored() {
    let shop = shop(Policy::ttl(ttl::STANDARD).jitter(0.0));
    let head = shop.send(Method::HEAD, "/products/1").await;
    assert_eq!(field(&head, "x-cache"), "MISS");
    let get = shop.get("/products/1").await;
    assert_eq!(field(&get, "x-cache"), "MISS");
    let head = shop.send(Method::HEAD, "/products/1").await;
    assert_eq!(field(&head, "x-cache"), "HIT");
    assert_eq!(field(&head, "content-length"), get.body().len().to_string());
    assert_eq!(head.body(), "");
}

#[tokio::test]
async fn response_parts_of_a_handler_come_before_the_policy() {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let handler = async || (Tags::from(["catalogue"]), CacheFor::from_secs(30), "hello");
    let app =
        Router::new().route("/", get(handler)).layer(cache.layer(Policy::ttl(ttl::STANDARD).jitter(0.0)));
    let x_cache = async || {
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().headers()["x-cache"].clone()
    };
    assert_eq!(x_cache().await, "MISS");
    assert_eq!(x_cache().await, "HIT");
    let _ = cache.invalidate(Tag::new("catalogue")).await;
    assert_eq!(x_cache().await, "MISS");
    clock.advance(Duration::from_secs(30));
    assert_eq!(x_cache().await, "MISS");
}
