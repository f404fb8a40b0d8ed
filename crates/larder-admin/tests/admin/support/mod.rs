//! An application with a cache and its operations.

pub(crate) mod journal;
pub(crate) mod schema;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use larder::values::{FlushError, Flushed, Sink, Values, Write, WriteBehind};
use larder::{Cache, Policy, ttl};
use larder_admin::Role;
use larder_testing::MemoryStore;
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const READER: &str = "reader-0123456789abcdef";
pub(crate) const OPERATOR: &str = "operator-0123456789abcdef";

/// An application with cached routes and collections.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) cache: Cache,
    _names: Values<u64, String>,
    /// Writes behind in this process need a cache without a shared store.
    _carts: Option<WriteBehind<u64, String>>,
}

/// A table that is never written.
struct NoTable;

impl Sink<Write<u64, String>> for NoTable {
    async fn flush(&self, _: &[Write<u64, String>]) -> Result<Flushed, FlushError> {
        Ok(Flushed::rows(0))
    }
}

impl App {
    pub(crate) fn new() -> Self {
        let cache = Cache::builder().count_top_keys().build();
        let carts = cache.values("cart").write_behind(NoTable).in_process().build().unwrap();
        Self { _carts: Some(carts), ..Self::of(cache) }
    }

    /// Returns an application whose cache has a shared store, which is in memory.
    pub(crate) async fn with_store() -> Self {
        let app = Self::of(Cache::builder().shared_store(MemoryStore::new()).build());
        app.cache.ready(Duration::from_secs(10)).await.unwrap();
        app
    }

    pub(crate) fn of(cache: Cache) -> Self {
        let policy = Policy::ttl(ttl::STANDARD).tag("product:{id}").key_cookie("session");
        let products = get(async || "a product").layer(cache.layer(policy));
        let policy = Policy::ttl(ttl::STANDARD).tag("category:{id}");
        let categories = get(async || "a category").layer(cache.layer(policy));
        let app = Router::new()
            .route("/products/{id}", products)
            .route("/categories/{id}", categories)
            .route("/open", get("not cached"));
        let admin = larder_admin::router(&cache)
            .application(app.clone())
            .token("dashboard", Role::Read, READER)
            .token("on-call", Role::Purge, OPERATOR);
        Self {
            router: app.nest("/ops/cache", admin.build().unwrap()),
            _names: cache.values("name").ttl(ttl::FREQUENT).build().unwrap(),
            _carts: None,
            cache,
        }
    }

    /// Requests a page, and returns its `X-Cache`.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.call(Method::GET, path, None, None).await.field("x-cache")
    }

    pub(crate) async fn purge(&self, token: &str, body: Value) -> Answer {
        self.call(Method::POST, "/ops/cache/api/purge", Some(token), Some(body)).await
    }

    /// Returns the status of a request without a body. The body of the response may not end.
    pub(crate) async fn status(&self, method: Method, path: &str, token: Option<&str>) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "shop.example");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.into()).unwrap() }
    }
}

/// A response that has come whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> &str {
        &self.body
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A response whose lines come one by one.
pub(crate) struct Feed(Body);

impl Feed {
    /// Waits for the next line that is not empty.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            let line = self.part().await.unwrap();
            if !line.trim().is_empty() {
                return line;
            }
        }
    }

    /// Waits for the next line, which may be empty. Returns `None` at the end of the response.
    pub(crate) async fn part(&mut self) -> Option<String> {
        let frame = self.0.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    }
}

impl App {
    /// Begins to read a response that does not end.
    pub(crate) async fn stream(&self, path: &str) -> Feed {
        let request = Request::get(path).header(AUTHORIZATION, format!("Bearer {READER}"));
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Feed(response.into_body())
    }
}
