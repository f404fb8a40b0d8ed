//! The traces of requests, as OpenTelemetry exports them.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use larder::{Cache, Policy, ttl};
use larder_testing::Gate;
use opentelemetry::trace::{SpanId, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tower::ServiceExt;
use tower_http::trace::TraceLayer;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::journal::let_threads_decide;

/// The spans that were exported on this thread.
struct Traces {
    exporter: InMemorySpanExporter,
    _provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Traces {
    fn listen() -> Self {
        let_threads_decide();
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("larder"));
        let guard = tracing_subscriber::registry().with(layer).set_default();
        Self { exporter, _provider: provider, _guard: guard }
    }

    fn spans(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }

    /// Returns the only span with this name.
    fn one(&self, name: &str) -> SpanData {
        let mut named = self.spans().into_iter().filter(|span| span.name == name);
        let one = named.next().unwrap_or_else(|| panic!("there is a span {name}"));
        assert!(named.next().is_none(), "{name}");
        one
    }
}

/// A product page behind a trace layer and a cache, whose handler has a span of its own.
fn app(cache: &Cache, gate: &Gate) -> Router {
    let gate = gate.clone();
    let product = get(async move || {
        let span = tracing::info_span!("query");
        gate.pass().await;
        span.in_scope(|| "a product")
    });
    let policy = Policy::ttl(ttl::STANDARD);
    let app = Router::new().route("/products/{id}", product.layer(cache.layer(policy)));
    app.layer(TraceLayer::new_for_http())
}

async fn request(app: Router) {
    let request = Request::get("/products/7").header("host", "shop.example").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    axum::body::to_bytes(response.into_body(), 100).await.unwrap();
}

fn attribute(span: &SpanData, name: &str) -> String {
    let found = span.attributes.iter().find(|one| one.key.as_str() == name);
    found.map(|one| one.value.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_miss_has_the_spans_request_cache_fill_and_handler() {
    let traces = Traces::listen();
    let gate = Gate::new();
    gate.open();
    request(app(&Cache::default(), &gate)).await;
    let chain = ["request", "cache", "fill", "query"].map(|name| traces.one(name));
    assert_eq!(chain[0].parent_span_id, SpanId::INVALID);
    for pair in chain.windows(2) {
        assert_eq!(pair[1].parent_span_id, pair[0].span_context.span_id(), "{}", pair[1].name);
        assert_eq!(pair[1].span_context.trace_id(), pair[0].span_context.trace_id());
    }
    assert_eq!(attribute(&chain[1], "http.route"), "/products/{id}");
    assert_eq!(attribute(&chain[1], "cache.outcome"), "miss");
    assert_eq!(attribute(&chain[1], "cache.reason"), "never-stored");
    assert_eq!(attribute(&chain[2], "cache.key"), attribute(&chain[1], "cache.key"));
}

#[tokio::test]
async fn a_hit_has_no_fill() {
    let traces = Traces::listen();
    let gate = Gate::new();
    gate.open();
    let app = app(&Cache::default(), &gate);
    request(app.clone()).await;
    request(app).await;
    let caches: Vec<_> = traces.spans().into_iter().filter(|span| span.name == "cache").collect();
    assert_eq!(attribute(&caches[1], "cache.outcome"), "hit");
    assert_eq!(attribute(&caches[1], "cache.tier"), "memory");
    let id = caches[1].span_context.span_id();
    assert!(traces.spans().iter().all(|span| span.parent_span_id != id));
}

#[tokio::test]
async fn a_collapsed_request_links_to_the_fill_that_answers_it() {
    let traces = Traces::listen();
    let gate = Gate::new();
    let (cache, held) = (Cache::default(), gate.clone());
    let app = app(&cache, &gate);
    let both = async { tokio::join!(request(app.clone()), request(app)) };
    tokio::join!(both, async {
        held.arrived(1).await;
        tokio::task::yield_now().await;
        held.open();
    });
    assert_eq!(cache.stats().collapsed, 1);
    let fill = traces.one("fill");
    let caches = traces.spans().into_iter().filter(|span| span.name == "cache");
    let links: Vec<_> = caches.flat_map(|span| span.links.links).collect();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].span_context.span_id(), fill.span_context.span_id());
}

/// Spans leave the machine, so no cookie is in them, whether the response is a miss, a hit or a
/// bypass.
#[tokio::test]
async fn a_span_has_no_credential() {
    const SESSION: &str = "session-0123456789";
    let traces = Traces::listen();
    let cache = Cache::default();
    let layer = cache.layer(Policy::ttl(ttl::STANDARD).key_cookie("sid"));
    let app = Router::new().route("/", get(async || "own").layer(layer));
    for method in ["GET", "GET", "POST"] {
        let request = Request::builder().method(method).uri("/").header("host", "shop.example");
        let request = request.header("cookie", format!("sid={SESSION}")).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    }
    let keys: Vec<_> = traces.spans().iter().map(|span| attribute(span, "cache.key")).collect();
    assert_eq!(keys.iter().filter(|key| key.contains("|c|sid=^#")).count(), 3, "{keys:?}");
    assert!(!format!("{:?}", traces.spans()).contains(SESSION), "{:?}", traces.spans());
}
