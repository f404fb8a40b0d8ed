//! The layer in every place where axum and Tower accept one, with other layers on both sides.

use std::sync::{Arc, Mutex};

use axum::extract::WebSocketUpgrade;
use axum::handler::Handler as _;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Router, middleware};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use larder::{Policy, Tag, ttl};
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Site, soon};
use tower::{Layer as _, ServiceBuilder};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::support::{all, at_once, cache, hourly, secs};

async fn page() -> &'static str {
    "page"
}

#[tokio::test]
async fn a_layer_fits_wherever_axum_takes_one() {
    let (cache, _) = cache();
    let layer = || cache.layer(hourly());
    let router = Router::new()
        .route("/method-router", get(page).post(page).layer(layer()))
        .route("/method-route-layer", get(page).route_layer(layer()))
        .route("/handler", get(page.layer(layer())))
        .merge(Router::new().route("/router", get(page)).layer(layer()))
        .merge(Router::new().route("/route-layer", get(page)).route_layer(layer()))
        .route_service("/service", layer().layer(Origin::always(Answer::ok("page"))))
        .merge(Router::new().route("/builder", get(page)).layer(ServiceBuilder::new().layer(layer())))
        .route("/any", any(page).layer(layer()));
    let site = Site::of(router).await;
    for path in [
        "/method-router",
        "/method-route-layer",
        "/handler",
        "/router",
        "/route-layer",
        "/service",
        "/builder",
        "/any",
    ] {
        assert!(site.get(path).await.is("MISS", "page"), "{path}");
        assert!(site.get(path).await.is("HIT", "page"), "{path}");
    }
    // The router itself answers this.
    assert_eq!(site.ask(Method::POST, "/handler").send().await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(site.get("/unknown").await.status, StatusCode::NOT_FOUND);
}

fn everything_around(cache: &larder::Cache, policy: Policy, router: Router) -> Router {
    let named = |name: &'static str| {
        SetResponseHeaderLayer::appending(HeaderName::from_static("x-passed"), HeaderValue::from_static(name))
    };
    router.layer(
        ServiceBuilder::new()
            .layer(TraceLayer::new_for_http())
            .layer(CorsLayer::permissive())
            .layer(CompressionLayer::new())
            .layer(named("outside"))
            .layer(RequestBodyLimitLayer::new(1000))
            .layer(cache.layer(policy))
            .layer(named("inside"))
            .layer(TraceLayer::new_for_http())
            .layer(RequestBodyLimitLayer::new(1000))
            .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, secs(60))),
    )
}

#[tokio::test]
async fn it_works_between_other_layers() {
    let (cache, _) = cache();
    let long = "page ".repeat(1000);
    let body = long.clone();
    let router = Router::new().route("/a", get(move || async move { body.clone() }));
    let site = Site::of(everything_around(&cache, hourly(), router)).await;
    for x_cache in ["MISS", "HIT"] {
        let plain = site.ask(Method::GET, "/a").with("origin", "http://x").send().await;
        assert!(plain.is(x_cache, &long));
        assert_eq!(plain.field("access-control-allow-origin"), "*");
        // One field from each side, each once.
        assert_eq!(plain.all("x-passed"), ["inside", "outside"]);
    }
    // With compression outside, the stored response is plain, and each client gets its accepted
    // encoding.
    let zipped = site.ask(Method::GET, "/a").with("accept-encoding", "gzip").send().await;
    assert_eq!((zipped.x_cache().as_str(), zipped.field("content-encoding").as_str()), ("HIT", "gzip"));
    assert!(zipped.body.len() < long.len() / 2);
    assert!(zipped.body.starts_with(&[0x1f, 0x8b]));
    assert!(site.get("/a").await.is("HIT", &long));
}

/// With compression inside, its `Vary` separates the variants.
#[tokio::test]
async fn compression_inside_is_stored_by_variant() {
    let (cache, _) = cache();
    let long = "page ".repeat(1000);
    let body = long.clone();
    let router = Router::new()
        .route("/a", get(move || async move { body.clone() }))
        .layer(ServiceBuilder::new().layer(cache.layer(hourly())).layer(CompressionLayer::new()));
    let site = Site::of(router).await;
    let zipped = || site.ask(Method::GET, "/a").with("accept-encoding", "gzip").send();
    let first = zipped().await;
    assert_eq!((first.x_cache().as_str(), first.field("content-encoding").as_str()), ("MISS", "gzip"));
    assert!(site.get("/a").await.is("MISS", &long));
    assert!(site.get("/a").await.is("HIT", &long));
    let again = zipped().await;
    assert_eq!((again.x_cache().as_str(), again.field("content-encoding").as_str()), ("HIT", "gzip"));
    assert_eq!(again.body, first.body);
    assert_ne!(
        again.field("etag"),
        site.get("/a").await.field("etag"),
        "two representations, two entity tags"
    );
}

/// A timeout outside answers its client, and the fill continues for the next one.
#[tokio::test]
async fn a_timeout_outside_does_not_cancel_the_fill() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let router = Router::new().fallback_service(cache.layer(hourly()).layer(origin.clone())).layer(
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, std::time::Duration::from_millis(1)),
    );
    let site = Arc::new(Site::of(router).await);
    assert_eq!(site.get("/a").await.status, StatusCode::GATEWAY_TIMEOUT);
    gate.open();
    soon("what is stored", async { while site.get("/a").await.x_cache() != "HIT" {} }).await;
    assert_eq!(origin.calls(), 1);
}

/// A timeout inside belongs to the handler: its response is shared, but not stored.
#[tokio::test]
async fn a_timeout_inside_is_the_handlers_answer() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, std::time::Duration::from_millis(1));
    let router = Router::new()
        .fallback_service(origin.clone())
        .layer(ServiceBuilder::new().layer(cache.layer(hourly())).layer(timeout));
    let site = Arc::new(Site::of(router).await);
    for page in all(at_once(&site, "/a", 5)).await {
        assert_eq!(page.status, StatusCode::GATEWAY_TIMEOUT);
    }
    gate.open();
    soon("a page", async { while site.get("/a").await.status != StatusCode::OK {} }).await;
    assert_eq!(cache.stats().stored, 1);
}

/// Two nested layers of one cache act as one, and the tags of the inner layer count.
#[tokio::test]
async fn two_layers_of_one_cache_are_one() {
    let (cache, _) = cache();
    let origin = Origin::new(|_, call| Answer::ok(format!("{call}")));
    let router = Router::new()
        .route_service("/{id}", cache.layer(hourly().tag("product:{id}")).layer(origin.clone()))
        .layer(cache.layer(Policy::ttl(ttl::FREQUENT).jitter(0.0)));
    let site = Arc::new(Site::of(router).await);
    let pages = all(at_once(&site, "/7", 20)).await;
    assert!(pages.iter().all(|page| page.text() == "1"));
    assert!(site.get("/7").await.is("HIT", "1"));
    assert_eq!(origin.calls(), 1);
    let _ = cache.invalidate(Tag::new("product:7")).await;
    assert_eq!(site.get("/7").await.summary(), ("MISS".into(), "2".into()), "the inner layer's tag");
    assert_eq!(site.get("/7").await.summary(), ("HIT".into(), "2".into()));
}

#[tokio::test]
async fn an_upgrade_goes_through() {
    let (cache, _) = cache();
    let handler = |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(|mut socket| async move {
            while let Some(Ok(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
        })
    };
    let site = Site::of(Router::new().route("/ws", any(handler)).layer(cache.layer(hourly()))).await;
    for _ in 0..2 {
        let mut socket = site
            .raw(
                "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .await;
        let head = socket.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        assert!(head.contains("detail=upgrade"), "{head}");
        // A text of five bytes, masked with zeros, is echoed.
        socket.send("\u{1}").await;
        drop(socket);
    }
    assert_eq!(cache.stats().bypasses.get("upgrade"), Some(&2));
}

/// Log lines of a handler on a miss are within the span of its request.
#[tokio::test]
async fn the_span_of_a_request_goes_with_it_into_the_handler() {
    use tracing::Instrument as _;
    use tracing::instrument::WithSubscriber as _;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let written = lines.clone();
    // At level `info`, as in production, the cache's own spans are disabled.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(move || written.clone())
        .finish();
    let subscriber = Arc::new(subscriber);
    let guard = tracing::subscriber::set_default(Arc::clone(&subscriber));
    let (cache, _) = cache();
    let handler = || async {
        tracing::info!("in the handler");
        "page"
    };
    let router = Router::new().route("/a", get(handler).post(handler).layer(cache.layer(hourly()))).layer(
        middleware::from_fn(|request: axum::extract::Request, next: middleware::Next| {
            let span = tracing::info_span!("request", id = 7);
            async move { next.run(request).await.into_response() }.instrument(span)
        }),
    );
    let site = async { Site::of(router).await }.with_subscriber(Arc::clone(&subscriber)).await;
    assert_eq!(site.get("/a").await.x_cache(), "MISS");
    assert_eq!(site.ask(Method::POST, "/a").send().await.x_cache(), "BYPASS");
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("request{id=7}").count(), 2, "{text}");
}
