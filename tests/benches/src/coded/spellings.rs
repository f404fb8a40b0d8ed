//! The runs of the handler for many spellings of `Accept-Encoding`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::header::ACCEPT_ENCODING;
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use larder::{Cache, Policy, ttl};
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::compression::CompressionLayer;

use super::{json, policy};

const SPELLINGS: [&str; 20] = [
    "gzip",
    "gzip, deflate",
    "gzip, deflate, br",
    "gzip, deflate, br, zstd",
    "br, gzip",
    "br",
    "zstd",
    "zstd, br, gzip",
    "gzip;q=0.9, br",
    "br;q=1.0, gzip;q=0.8, *;q=0.1",
    "*",
    "*;q=0.5",
    "identity",
    "identity;q=0.5, gzip",
    "deflate",
    "deflate, gzip;q=0.5",
    "gzip, identity;q=0",
    "x-gzip",
    "br;q=0, gzip",
    "gzip, br, compress",
];

/// Prints how often the handler runs for requests with twenty spellings, one after the other.
///
/// # Panics
///
/// Panics if a service does not answer.
pub async fn print_handler_runs() {
    let runs = Arc::new(AtomicUsize::new(0));
    let body = json(16 * 1024);
    let handler = {
        let runs = Arc::clone(&runs);
        service_fn(move |_: Request<Body>| {
            runs.fetch_add(1, Ordering::Relaxed);
            let response = Response::new(Body::from(body.clone()));
            async { Ok::<_, std::convert::Infallible>(response) }
        })
    };
    let plain = || Cache::default().layer(Policy::ttl(ttl::STANDARD));
    let compression = CompressionLayer::new;
    println!("runs of the handler for twenty spellings of Accept-Encoding");
    send_all(Cache::default().layer(policy()).layer(handler.clone())).await;
    println!("  encode  {:>3}", runs.swap(0, Ordering::Relaxed));
    send_all(ServiceBuilder::new().layer(compression()).layer(plain()).service(handler.clone())).await;
    println!("  outside {:>3}", runs.swap(0, Ordering::Relaxed));
    send_all(ServiceBuilder::new().layer(plain()).layer(compression()).service(handler)).await;
    println!("  inside  {:>3}", runs.swap(0, Ordering::Relaxed));
}

async fn send_all<S, B>(service: S)
where
    S: Service<Request<Body>, Response = Response<B>, Error: std::fmt::Debug> + Clone,
    B: axum::body::HttpBody<Error: std::fmt::Debug>,
{
    for spelling in SPELLINGS {
        let request = Request::get("/products/42").header(ACCEPT_ENCODING, spelling).body(Body::empty());
        let response = service.clone().oneshot(request.expect("a request")).await.expect("a response");
        response.into_body().collect().await.expect("a whole body");
    }
}
