//! The tags that a policy invalidates after a write.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use http::{Method, StatusCode};
use larder::Policy;
use larder_tests::http::Site;

use crate::support::{cache, counted, hourly};
use crate::warnings::Warnings;

/// Reads answer a page, and writes the status that was set last.
#[derive(Clone, Default)]
struct App(Arc<Mutex<StatusCode>>);

async fn write(State(App(status)): State<App>) -> StatusCode {
    let status = *status.lock().unwrap();
    assert_ne!(status, StatusCode::IM_A_TEAPOT, "a panic on purpose");
    status
}

async fn page() -> &'static str {
    "page"
}

impl App {
    fn set(&self, status: u16) {
        *self.0.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }
}

/// A list with the tags of two products, beside the product's own page.
fn router(app: &App, cache: &larder::Cache, product: Policy) -> Router {
    let lists = |policy| get(page).layer(cache.layer(policy));
    Router::new()
        .route("/lists/7", lists(hourly().tag("product:7")))
        .route("/lists/8", lists(hourly().tag("product:8")))
        .route("/lists/all", lists(hourly().tag("products")))
        .route("/products/{id}", get(page).put(write).post(write).layer(cache.layer(product)))
        .with_state(app.clone())
}

/// Returns which of the pages were invalidated by the write.
async fn invalidated(site: &Site, method: Method, status: u16, app: &App) -> String {
    const PATHS: [&str; 4] = ["/products/7", "/lists/7", "/lists/8", "/lists/all"];
    for path in PATHS {
        site.get(path).await;
    }
    app.set(status);
    let _ = site.ask(method, "/products/7").head().await;
    let mut outcomes = Vec::new();
    for path in PATHS {
        outcomes.push(site.get(path).await.x_cache());
    }
    outcomes.join(" ")
}

#[tokio::test]
async fn a_write_invalidates_the_tags_that_its_policy_names() {
    let (cache, _) = cache();
    let app = App::default();
    let policy = hourly().tag("product:{id}").invalidates("product:{id}").invalidates("products");
    let site = Site::of(router(&app, &cache, policy)).await;
    for (method, status, expected) in [
        (Method::PUT, 200, "MISS MISS HIT MISS"),
        (Method::POST, 303, "MISS MISS HIT MISS"),
        // RFC 9111 §4.4: not after an error, unless the handler may have committed before.
        (Method::PUT, 404, "HIT HIT HIT HIT"),
        (Method::PUT, 500, "MISS MISS HIT MISS"),
        (Method::GET, 200, "HIT HIT HIT HIT"),
    ] {
        assert_eq!(invalidated(&site, method.clone(), status, &app).await, expected, "{method} {status}");
    }
}

/// The tags of the policy itself are invalidated only if it says so.
#[tokio::test]
async fn without_it_a_write_invalidates_its_uri_alone() {
    let (cache, _) = cache();
    let app = App::default();
    let site = Site::of(router(&app, &cache, hourly().tag("product:{id}"))).await;
    assert_eq!(invalidated(&site, Method::PUT, 200, &app).await, "MISS HIT HIT HIT");
}

#[tokio::test]
async fn a_policy_by_the_fields_invalidates_nothing_after_a_failed_write() {
    let (cache, _) = cache();
    let app = App::default();
    let policy = Policy::rfc9111().status(StatusCode::OK, larder::ttl::STANDARD).invalidates("product:{id}");
    let site = Site::of(router(&app, &cache, policy)).await;
    let lists = async |status| invalidated(&site, Method::PUT, status, &app).await[5..].to_owned();
    assert_eq!(lists(500).await, "HIT HIT HIT");
    assert_eq!(lists(200).await, "MISS HIT HIT");
}

/// The handler may have committed before it panicked.
#[tokio::test]
async fn a_write_that_panics_invalidates_the_tags_too() {
    let (cache, _) = cache();
    let app = App::default();
    let site = Site::of(router(&app, &cache, hourly().invalidates("product:{id}"))).await;
    site.get("/lists/7").await;
    app.set(StatusCode::IM_A_TEAPOT.as_u16());
    let _ = site.ask(Method::PUT, "/products/7").head().await;
    counted(&cache, |stats| stats.invalidations >= 2).await;
    assert_eq!(site.get("/lists/7").await.x_cache(), "MISS");
}

#[tokio::test]
async fn the_user_of_a_write_stands_in_the_tag() {
    let (cache, _) = cache();
    let user = |parts: &http::request::Parts| Some(parts.headers.get("from")?.to_str().ok()?.to_owned());
    let policy = || hourly().per_user(user).tag("user:{user}");
    let router = Router::new()
        .route("/cart", get(page).layer(cache.layer(policy())))
        .route("/orders", put(page).layer(cache.layer(policy().invalidates("user:{user}"))));
    let site = Site::of(router).await;
    let ask = async |method, path, user: &str| site.ask(method, path).with("from", user).send().await;
    for user in ["ann", "ben"] {
        assert_eq!(ask(Method::GET, "/cart", user).await.x_cache(), "MISS");
    }
    ask(Method::PUT, "/orders", "ann").await;
    assert_eq!(ask(Method::GET, "/cart", "ann").await.x_cache(), "MISS");
    assert_eq!(ask(Method::GET, "/cart", "ben").await.x_cache(), "HIT");
}

/// The other tags and the URI are invalidated nevertheless.
#[tokio::test]
async fn a_parameter_that_the_route_lacks_is_warned_of_once() {
    let (warnings, _guard) = Warnings::listen();
    let (cache, _) = cache();
    let app = App::default();
    let policy = hourly().invalidates("written:{ID}").invalidates("product:{id}");
    let site = Site::of(router(&app, &cache, policy)).await;
    for _ in 0..2 {
        assert_eq!(invalidated(&site, Method::PUT, 200, &app).await, "MISS MISS HIT HIT");
    }
    let logged = warnings.take();
    assert_eq!(logged.len(), 1, "{logged:?}");
    for field in ["template=\"written:{ID}\"", "parameter=\"ID\"", "so its writes do not invalidate the tag"]
    {
        assert!(logged[0].contains(field), "{logged:?}");
    }
}

/// A request with two hosts names no URI of a host, but the tags are known.
#[tokio::test]
async fn a_write_without_a_valid_host_invalidates_the_tags() {
    let (app, (cache, _)) = (App::default(), cache());
    let site = Site::of(router(&app, &cache, hourly().invalidates("product:{id}"))).await;
    for x_cache in ["MISS", "HIT"] {
        assert_eq!(site.get("/lists/7").await.x_cache(), x_cache);
    }
    let write = site.ask(Method::PUT, "/products/7").with("host", "a").with("host", "b");
    assert_eq!(write.send().await.status, StatusCode::OK);
    assert_eq!(site.get("/lists/7").await.x_cache(), "MISS");
}
