//! A server in a process of its own, so that its processor time is its own.

use std::io::Write as _;

use axum::Router;
use axum::routing::get;
use larder::{Cache, Policy, ttl};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;

use super::{Place, coded_length, opaque_service, policy, service};
use crate::redis::processor;

/// Serves a response of this length, compressed at this place. It prints its port first.
///
/// # Panics
///
/// Panics if it cannot listen.
pub async fn serve(place: Place, length: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    std::io::stdout().flush().expect("the port is read");
    let spent = || async { processor::time().unwrap_or_default().as_nanos().to_string() };
    let router = router(place, length).route("/processor-time", get(spent));
    axum::serve(listener, router).await.expect("it serves");
}

fn router(place: Place, length: usize) -> Router {
    let cache = Cache::default();
    let plain = || cache.layer(Policy::ttl(ttl::STANDARD));
    let compression = CompressionLayer::new();
    match place {
        Place::Encode => Router::new()
            .route_service("/", ServiceBuilder::new().layer(cache.layer(policy())).service(service(length))),
        Place::Outside => Router::new().route_service(
            "/",
            ServiceBuilder::new().layer(compression).layer(plain()).service(service(length)),
        ),
        Place::Inside => Router::new().route_service(
            "/",
            ServiceBuilder::new().layer(plain()).layer(compression).service(service(length)),
        ),
        Place::Size => Router::new().route_service(
            "/",
            ServiceBuilder::new().layer(plain()).service(opaque_service(coded_length(length))),
        ),
    }
}
