//! Explanations say what the next request gets: random requests, states and policies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderName, Method, StatusCode};
use larder::explain::{Explanation, HandlerRun};
use larder::outcome::Outcome;
use larder::{Cache, Glob, Invalidation, Policy, Prefix, ReadYourWrites, Served, SwitchScope, Tag, UriName};
use larder_testing::{ManualClock, MemoryStore};
use tower::ServiceExt as _;

use crate::support::{hourly, secs};

/// The paths of all routes. `{}` stands for a small number.
const PATHS: &[&str] = &[
    "/plain/{}",
    "/patient/{}",
    "/vary/{}",
    "/mine",
    "/key/{}/{}",
    "/equivalent?a={}&utm={}",
    "/private",
    "/large",
    "/missing",
    "/absent/{}",
    "/polite/{}",
    "/fields/{}",
    "/parts",
    "/cookies",
    "/shared",
    "/own/{}",
    "/api/items/{}",
    "/group/in/{}",
    "/group/out/{}",
    "/query?q={}&x={}",
];

/// Fields that change how a request is looked up.
const FIELDS: &[(&str, &str)] = &[
    ("accept-language", "en"),
    ("accept-language", "de"),
    ("x-mode", "a"),
    ("x-user", "1"),
    ("x-user", "2"),
    ("authorization", "Bearer token"),
    ("cookie", "theme=dark"),
    ("cookie", "theme=dark; sid=1"),
    ("x-api-key", "secret"),
    ("range", "bytes=0-1"),
    ("range", "bytes=3-"),
    ("range", "items=0-1"),
    ("if-none-match", "\"a\""),
    ("if-match", "\"a\""),
    ("upgrade", "websocket"),
    ("content-length", "3"),
    ("cache-control", "no-cache"),
    ("cache-control", "max-age=5"),
    ("cache-control", "only-if-cached"),
    ("cache-control", "max-stale"),
    ("x-http-method-override", "PUT"),
    ("larder-token", "nonsense"),
];

struct World {
    cache: Cache,
    clock: ManualClock,
    router: Router,
    handler: Handler,
    random: fastrand::Rng,
}

/// The handler of all routes.
#[derive(Clone, Default)]
struct Handler {
    is_failing: Arc<AtomicBool>,
    runs: Arc<AtomicUsize>,
}

impl Handler {
    fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::SeqCst)
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    fn run(&self, request: &Request) -> Response {
        self.runs.fetch_add(1, Ordering::SeqCst);
        if self.is_failing() { StatusCode::BAD_GATEWAY.into_response() } else { answer(request) }
    }
}

/// Which tiers a cache has.
#[derive(Debug, Clone, Copy)]
enum Tiers {
    Memory,
    Both,
    StoreOnly,
}

impl World {
    async fn new(tiers: Tiers, is_reporting: bool, seed: u64) -> Self {
        let (clock, store) = (ManualClock::new(), MemoryStore::new());
        let api_key = HeaderName::from_static("x-api-key");
        let mut builder = Cache::builder().clock(clock.clone()).credentials([api_key]);
        if is_reporting {
            builder = builder.served_extension();
        }
        builder = match tiers {
            Tiers::Memory => builder,
            Tiers::Both => builder.shared_store(store),
            Tiers::StoreOnly => builder.shared_store(store).max_memory_bytes(0),
        };
        let cache = builder.build();
        cache.ready(secs(30)).await.unwrap();
        let handler = Handler::default();
        let router = routes(&cache, &handler);
        Self { cache, clock, router, handler, random: fastrand::Rng::with_seed(seed) }
    }

    fn request(&mut self) -> Request {
        let random = &mut self.random;
        let template = random.choice(PATHS).unwrap();
        let mut path = String::new();
        for (index, text) in template.split("{}").enumerate() {
            if index > 0 {
                path.push_str(&random.u8(1..3).to_string());
            }
            path.push_str(text);
        }
        let method = match random.u8(0..20) {
            0 => Method::OPTIONS,
            1..4 => Method::HEAD,
            _ => Method::GET,
        };
        let mut request = http::Request::builder().method(method).uri(path).header("host", "shop.example");
        // Some routes do something with some fields alone.
        let fitting = match *template {
            "/polite/{}" | "/fields/{}" => "cache-control",
            "/own/{}" => "larder-token",
            "/mine" => "x-user",
            "/vary/{}" => "accept-language",
            _ => "",
        };
        let fitting: Vec<_> = FIELDS.iter().filter(|(name, _)| *name == fitting).collect();
        if let Some((name, value)) = random.choice(fitting).filter(|_| random.bool()) {
            request = request.header(*name, *value);
        }
        if random.u8(0..3) == 0 {
            let (name, value) = random.choice(FIELDS).unwrap();
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    /// Changes the state: what is stored, what is invalidated, the time, the handlers.
    async fn step(&mut self) {
        let number = self.random.u8(1..3);
        match self.random.u8(0..20) {
            0 => self.advance(3_605).await,
            1 => self.advance(3_670).await,
            2..5 => self.advance(7).await,
            5 => self.handler.is_failing.store(self.random.u8(0..3) == 0, Ordering::SeqCst),
            6 => {
                let scopes =
                    [SwitchScope::All, SwitchScope::route("/plain/{id}"), SwitchScope::class("polite")];
                let scope = self.random.choice(scopes).unwrap();
                self.cache.bypass(scope, secs(20), "a test").unwrap();
            }
            7..9 => {
                let what: Invalidation = match self.random.u8(0..6) {
                    0 => Tag::new(format!("plain:{number}")).into(),
                    1 => UriName::new(&format!("/patient/{number}")).unwrap().into(),
                    2 => Prefix::new("/group").unwrap().into(),
                    3 => Glob::new("/*e*").unwrap().into(),
                    4 => Invalidation::key(format!("k:{number}:1")),
                    _ => Invalidation::all(),
                };
                let what = if self.random.bool() { what.soft() } else { what };
                let _ = self.cache.invalidate(what).await;
            }
            _ => {
                let request = self.request();
                send(&self.router, request).await;
            }
        }
        settle().await;
    }

    /// Moves the clock. In most cases, the invalidation log is read afterwards.
    async fn advance(&mut self, seconds: u64) {
        self.clock.advance(secs(seconds));
        // The store has its own clock, for the notes that a failed handler leaves there.
        tokio::time::advance(secs(seconds)).await;
        if self.random.u8(0..8) > 0 {
            let _ = self.cache.invalidate(Tag::new("marker")).await;
        }
    }

    /// Explains a request, sends it, and compares the outcomes.
    async fn check(&mut self, seen: &mut std::collections::BTreeMap<String, u32>) {
        let request = self.request();
        let before = (self.cache.stats(), self.handler.runs());
        let explanation = self.cache.explain(self.router.clone(), copy(&request)).await.unwrap();
        assert_eq!((self.cache.stats(), self.handler.runs()), before, "an explanation leaves no trace");
        let what = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let (outcome, what) =
            (expected(&explanation, self.handler.is_failing()), format!("{what}\n{explanation}"));
        compare(outcome, &send(&self.router, request).await, &what);
        *seen.entry(format!("{} {}", outcome.as_str(), outcome.reason())).or_default() += 1;
        settle().await;
        let runs = self.handler.runs() - before.1;
        match explanation.handler {
            HandlerRun::No => assert_eq!(runs, 0, "{what}"),
            _ => assert_eq!(runs, 1, "{what}"),
        }
    }
}

fn expected(explanation: &Explanation, is_failing: bool) -> Outcome {
    match explanation.on_error {
        Some(on_error) if is_failing && explanation.handler == HandlerRun::Yes => on_error,
        _ => explanation.outcome,
    }
}

/// Compares an outcome with what a response says about its own.
fn compare(expected: Outcome, response: &Response, what: &str) {
    if let Some(served) = response.extensions().get::<Served>() {
        return assert_eq!(served.outcome, expected, "{what}");
    }
    let field = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(field("x-cache"), expected.x_cache(), "{what}");
    // If the response was not stored, the detail says why not.
    let detail = field("cache-status").rsplit("; detail=").next().unwrap_or_default();
    if !detail.is_empty() && !detail.starts_with('"') && field("cache-status").contains("detail=") {
        assert_eq!(detail, expected.reason(), "{what}");
    }
}

fn copy(request: &Request) -> Request {
    let mut copy = http::Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

async fn send(router: &Router, request: Request) -> Response {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Response::from_parts(parts, Body::empty())
}

/// Lets the tasks in the background end. All handlers and the store answer at once.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn routes(cache: &Cache, handler: &Handler) -> Router {
    let handler = || {
        let handler = handler.clone();
        any(async move |request: Request| handler.run(&request))
    };
    let exact = || hourly().early_refresh(0.0);
    let patient = || exact().stale_while_revalidate(secs(60)).stale_if_error(secs(6_000));
    let user = |parts: &http::request::Parts| Some(parts.headers.get("x-user")?.to_str().ok()?.to_owned());
    let layer = |policy: Policy| cache.layer(policy);
    let route = |policy: Policy| handler().layer(layer(policy));
    let api = Router::new().route("/items/{id}", route(patient().tag("item:{id}")));
    let group = Router::new()
        .route("/group/in/{id}", route(exact().name("in")))
        .route("/group/out/{id}", handler())
        .layer(layer(patient().name("out")));
    Router::new()
        .route("/plain/{id}", route(exact().tag("plain:{id}")))
        .route("/patient/{id}", route(patient()))
        .route("/vary/{id}", route(patient()))
        .route("/mine", route(patient().per_user(user).tag("user:{user}")))
        .route("/key/{a}/{b}", route(exact().key("k:{a}:{b}").ignore_query()))
        .route("/equivalent", route(patient().no_vary_search()))
        .route("/private", route(exact()))
        .route("/large", route(exact().max_body(10)))
        .route("/missing", route(exact().tag("{nothing}")))
        .route("/absent/{id}", route(exact().status(StatusCode::NOT_FOUND, secs(10))))
        .route("/polite/{id}", route(patient().honor_request_directives().class("polite")))
        .route(
            "/fields/{id}",
            route(Policy::rfc9111().jitter(0.0).early_refresh(0.0).honor_request_directives()),
        )
        .route("/parts", route(exact().store_partial()))
        .route("/cookies", route(exact().key_cookie("theme")))
        .route("/shared", route(patient().share_authorized().ignore_cookies()))
        .route(
            "/own/{id}",
            route(exact().read_your_writes(
                ReadYourWrites::header(HeaderName::from_static("larder-token")).wait(secs(0)),
            )),
        )
        .route("/query", route(exact().query_only(["q"]).key_header(http::header::ACCEPT_LANGUAGE)))
        .nest("/api", api)
        .merge(group)
}

/// Answers a request. What is stored depends on the path.
fn answer(request: &Request) -> Response {
    let path = sent_path(request);
    let has_range = request.headers().get("range").is_some_and(|range| range == "bytes=0-1");
    match path.split('/').nth(1).unwrap_or_default() {
        "vary" => ([("vary", "accept-language, x-mode")], "vary").into_response(),
        "equivalent" => ([("no-vary-search", "params=(\"utm\")")], "equivalent").into_response(),
        "private" => ([("cache-control", "private")], "private").into_response(),
        "large" => "more than ten bytes".into_response(),
        "absent" => StatusCode::NOT_FOUND.into_response(),
        "fields" => {
            let lifetime =
                if path.ends_with('1') { "max-age=100, stale-while-revalidate=9" } else { "no-cache" };
            ([("cache-control", lifetime), ("etag", "\"a\"")], "fields").into_response()
        }
        "parts" if has_range => {
            let fields = [("content-range", "bytes 0-1/5"), ("etag", "\"a\""), ("accept-ranges", "bytes")];
            (StatusCode::PARTIAL_CONTENT, fields, "pa").into_response()
        }
        "parts" => ([("etag", "\"a\""), ("accept-ranges", "bytes")], "parts").into_response(),
        "patient" => ([("cache-control", "public")], "patient").into_response(),
        _ => ([("etag", "\"a\"")], "a page").into_response(),
    }
}

/// Returns the path of a request, as it was sent.
fn sent_path(request: &Request) -> String {
    let original = request.extensions().get::<axum::extract::OriginalUri>().map(|uri| &uri.0);
    original.unwrap_or(request.uri()).path().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_explanation_has_the_outcome_of_the_request_that_follows() {
    let mut seen = std::collections::BTreeMap::new();
    for tiers in [Tiers::Memory, Tiers::Both, Tiers::StoreOnly] {
        for is_reporting in [false, true] {
            for seed in 0..5 {
                let mut world = World::new(tiers, is_reporting, seed).await;
                for _ in 0..250 {
                    world.step().await;
                    world.check(&mut seen).await;
                }
            }
        }
    }
    // The states are really reached.
    for outcome in [
        "hit memory",
        "hit shared",
        "stale stale-while-revalidate",
        "stale stale-if-error",
        "miss never-stored",
        "miss expired",
        "miss invalidated",
        "miss vary",
        "miss no-cache",
        "miss request",
        "miss pass",
        "bypass method",
        "bypass authorization",
        "bypass cookie",
        "bypass credentials",
        "bypass range",
        "bypass precondition",
        "bypass upgrade",
        "bypass body",
        "bypass override",
        "bypass no-key",
        "bypass missing-parameter",
        "bypass read-your-writes",
        "bypass switched-off",
    ] {
        assert!(seen.contains_key(outcome), "{outcome} in {seen:#?}");
    }
}
