//! A small shop as a user would write it: MISS, HIT, write, MISS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{FromRef, Path, Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use larder::{Cache, CacheFor, Invalidation, Policy, Tag, Tags, ttl};
use larder_testing::ManualClock;
use larder_tests::http::{Page, Site};

use crate::support::{cache, secs};

#[derive(Clone)]
struct App {
    names: Arc<Mutex<BTreeMap<u64, String>>>,
    runs: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    cache: Cache,
}

impl FromRef<App> for Cache {
    fn from_ref(app: &App) -> Self {
        app.cache.clone()
    }
}

impl App {
    fn ran(&self, handler: &'static str) {
        *self.runs.lock().unwrap().entry(handler).or_default() += 1;
    }

    fn runs(&self, handler: &str) -> usize {
        self.runs.lock().unwrap().get(handler).copied().unwrap_or_default()
    }

    fn name(&self, id: u64) -> Result<String, StatusCode> {
        self.names.lock().unwrap().get(&id).cloned().ok_or(StatusCode::NOT_FOUND)
    }
}

async fn show(State(app): State<App>, Path(id): Path<u64>) -> Result<impl IntoResponse, StatusCode> {
    app.ran("show");
    Ok((Tags::from(["catalogue"]), Json(app.name(id)?)))
}

async fn update(State(app): State<App>, Path(id): Path<u64>, Json(name): Json<String>) -> Json<String> {
    app.names.lock().unwrap().insert(id, name.clone());
    let _ = app.cache.invalidate(Tag::new(format!("product:{id}"))).await;
    Json(name)
}

async fn search(State(app): State<App>, Query(query): Query<BTreeMap<String, String>>) -> impl IntoResponse {
    app.ran("search");
    let wanted = query.get("q").cloned().unwrap_or_default();
    let names = app.names.lock().unwrap();
    let found: Vec<_> = names.iter().filter(|(_, name)| name.contains(&wanted)).collect();
    let tags: Tags = found.iter().map(|(id, _)| format!("product:{id}")).collect();
    (tags, Json(found.iter().map(|(_, name)| name.to_string()).collect::<Vec<_>>())).into_response()
}

async fn user(State(app): State<App>, Path(id): Path<u64>) -> Result<String, StatusCode> {
    app.ran("user");
    app.name(id)
}

/// Invalidates with a response part.
async fn rename_user(State(app): State<App>, Path(id): Path<u64>, name: String) -> impl IntoResponse {
    app.names.lock().unwrap().insert(id, name);
    (Invalidation::tag(format!("user:{id}")).and_tag("users:top"), StatusCode::NO_CONTENT)
}

async fn top(State(app): State<App>) -> impl IntoResponse {
    app.ran("top");
    let names: Vec<_> = app.names.lock().unwrap().values().cloned().collect();
    (CacheFor::from_secs(60), names.join(","))
}

async fn me(State(app): State<App>, headers: HeaderMap) -> String {
    app.ran("me");
    format!("you are {}", headers[AUTHORIZATION].to_str().unwrap())
}

fn bearer(parts: &Parts) -> Option<String> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(Into::into)
}

async fn shop() -> (Site, App, ManualClock) {
    let (cache, clock) = cache();
    let names = (1..=5).map(|id| (id, format!("thing {id}"))).collect();
    let app = App { names: Arc::new(Mutex::new(names)), runs: Arc::default(), cache: cache.clone() };
    let router = Router::new()
        .route(
            "/api/products/{id}",
            get(show)
                .put(update)
                .layer(cache.layer(Policy::ttl(ttl::STANDARD).jitter(0.0).tag("product:{id}"))),
        )
        .route(
            "/api/products",
            get(search).layer(
                cache.layer(Policy::ttl(ttl::FREQUENT).jitter(0.0).query_only(["q", "page"]).tag("products")),
            ),
        )
        .route(
            "/api/users/{id}",
            get(user).put(rename_user).layer(cache.layer(
                Policy::ttl(ttl::STANDARD).jitter(0.0).key("user:{id}").ignore_query().tag("user:{id}"),
            )),
        )
        .route(
            "/api/users/top",
            get(top).layer(cache.layer(
                Policy::ttl(ttl::FREQUENT).jitter(0.0).stale_while_revalidate(secs(60)).tag("users:top"),
            )),
        )
        .route("/api/me", get(me).layer(cache.layer(Policy::ttl(ttl::REALTIME).jitter(0.0).per_user(bearer))))
        .route("/healthz", get(|| async { "well" }))
        .with_state(app.clone());
    (Site::of(router).await, app, clock)
}

async fn put(site: &Site, path: &str, body: &str) -> Page {
    site.ask(Method::PUT, path).with("content-type", "application/json").body(body.to_owned()).send().await
}

#[tokio::test]
async fn a_product_is_missed_hit_written_and_missed_again() {
    let (site, app, _) = shop().await;
    let first = site.get("/api/products/2").await;
    assert_eq!(first.summary(), ("MISS".into(), "\"thing 2\"".into()));
    assert_eq!(first.field("content-type"), "application/json");
    for _ in 0..3 {
        let again = site.get("/api/products/2").await;
        assert_eq!(again.summary(), ("HIT".into(), "\"thing 2\"".into()));
        assert_eq!(again.field("content-type"), "application/json");
        assert_eq!(again.field("etag"), first.field("etag"));
    }
    assert_eq!(app.runs("show"), 1);

    let written = put(&site, "/api/products/2", "\"new\"").await;
    assert_eq!(written.status, StatusCode::OK);
    assert_eq!(written.summary(), ("BYPASS".into(), "\"new\"".into()));

    let after = site.get("/api/products/2").await;
    assert_eq!(after.summary(), ("MISS".into(), "\"new\"".into()));
    assert_ne!(after.field("etag"), first.field("etag"));
    assert_eq!(site.get("/api/products/2").await.summary(), ("HIT".into(), "\"new\"".into()));
    assert_eq!(app.runs("show"), 2);
    // Another product is not affected.
    assert!(site.get("/api/products/3").await.is("MISS", "\"thing 3\""));
    put(&site, "/api/products/2", "\"newer\"").await;
    assert!(site.get("/api/products/3").await.is("HIT", "\"thing 3\""));
}

#[tokio::test]
async fn a_write_invalidates_the_searches_that_list_what_it_wrote() {
    let (site, app, _) = shop().await;
    for (path, body) in
        [("/api/products?q=thing+4", r#"["thing 4"]"#), ("/api/products?q=thing+5", r#"["thing 5"]"#)]
    {
        assert!(site.get(path).await.is("MISS", body), "{path}");
        // Parameters that the policy does not list make no difference.
        assert!(site.get(&format!("{path}&utm_source=x")).await.is("HIT", body), "{path}");
    }
    put(&site, "/api/products/4", "\"gone\"").await;
    assert!(site.get("/api/products?q=thing+4").await.is("MISS", "[]"));
    assert!(site.get("/api/products?q=thing+5").await.is("HIT", r#"["thing 5"]"#));
    assert_eq!(app.runs("search"), 3);
}

/// The handler's tag, in addition to the policy's.
#[tokio::test]
async fn a_handlers_tag_reaches_all_that_carry_it() {
    let (site, app, _) = shop().await;
    for id in 1..=3 {
        site.get(&format!("/api/products/{id}")).await;
    }
    let _ = app.cache.invalidate(Tag::new("catalogue")).await;
    for id in 1..=3 {
        assert_eq!(site.get(&format!("/api/products/{id}")).await.x_cache(), "MISS", "{id}");
    }
    assert_eq!(app.runs("show"), 6);
}

#[tokio::test]
async fn an_invalidation_as_a_response_part_is_done_before_the_client_has_the_response() {
    let (site, app, _) = shop().await;
    assert!(site.get("/api/users/1").await.is("MISS", "thing 1"));
    assert!(site.get("/api/users/top").await.text().starts_with("thing 1,"));
    assert_eq!(site.get("/api/users/top").await.x_cache(), "HIT");
    let written = put(&site, "/api/users/1", "Ann").await;
    assert_eq!(written.status, StatusCode::NO_CONTENT);
    assert!(site.get("/api/users/1").await.is("MISS", "Ann"));
    let top = site.get("/api/users/top").await;
    assert_eq!((top.x_cache().as_str(), &top.text()[..4]), ("MISS", "Ann,"));
    assert_eq!((app.runs("user"), app.runs("top")), (2, 2));
}

#[tokio::test]
async fn each_user_has_responses_of_their_own() {
    let (site, app, clock) = shop().await;
    let me = |user: &'static str| site.ask(Method::GET, "/api/me").with("authorization", user).send();
    assert!(me("Bearer ann").await.is("MISS", "you are Bearer ann"));
    assert!(me("Bearer bob").await.is("MISS", "you are Bearer bob"));
    assert!(me("Bearer ann").await.is("HIT", "you are Bearer ann"));
    assert!(me("Bearer bob").await.is("HIT", "you are Bearer bob"));
    // These requests have no known user.
    for _ in 0..2 {
        assert!(me("Basic x").await.is("BYPASS", "you are Basic x"));
    }
    assert_eq!(app.runs("me"), 4);
    clock.advance(secs(10));
    assert!(me("Bearer ann").await.is("MISS", "you are Bearer ann"));
}

#[tokio::test]
async fn errors_are_not_stored_and_lose_nothing() {
    let (site, app, _) = shop().await;
    for _ in 0..2 {
        let unknown = site.get("/api/products/77").await;
        assert_eq!((unknown.status, unknown.x_cache().as_str()), (StatusCode::NOT_FOUND, "MISS"));
        assert_eq!(site.get("/api/products/no-number").await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(app.runs("show"), 2);

    assert!(site.get("/api/products/1").await.is("MISS", "\"thing 1\""));
    let wrong = put(&site, "/api/products/1", "no json").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(site.get("/api/products/1").await.is("HIT", "\"thing 1\""), "nothing was written");

    put(&site, "/api/products/77", "\"late\"").await;
    assert!(site.get("/api/products/77").await.is("MISS", "\"late\""));
}

#[tokio::test]
async fn routes_without_the_layer_know_nothing_of_it() {
    let (site, _, _) = shop().await;
    let page = site.get("/healthz").await;
    assert_eq!(
        (page.x_cache(), page.cache_status(), page.text()),
        (String::new(), String::new(), "well".into())
    );
}

#[tokio::test]
async fn a_stored_response_is_stale_at_the_end_of_its_lifetime() {
    let (site, app, clock) = shop().await;
    assert_eq!(site.get("/api/products/1").await.x_cache(), "MISS");
    clock.advance(secs(3599));
    let last = site.get("/api/products/1").await;
    assert_eq!((last.x_cache().as_str(), last.field("age").as_str()), ("HIT", "3599"));
    clock.advance(secs(1));
    assert_eq!(site.get("/api/products/1").await.x_cache(), "MISS");
    assert_eq!(app.runs("show"), 2);
}
