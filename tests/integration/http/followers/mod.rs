//! Followers receive a body while it arrives.

mod breaking;
mod following;
mod invalidating;
mod unknown_length;

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use larder::{Cache, Policy, Tag, Tags};
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::{Site, soon};
use tower::Layer as _;

use crate::support::{Door, all, at_once, behind_door, cache, counted, hourly, next, secs, site_behind_door};

/// Returns a site behind a door. Its bodies can fail, like those of an axum handler, and followers
/// stream bodies of unknown length.
async fn streaming(cache: &Cache, policy: Policy, origin: &Origin) -> (Arc<Site>, Door) {
    let handler = Router::new().fallback_service(origin.clone());
    let policy = policy.follow_unknown_length();
    behind_door(Router::new().fallback_service(cache.layer(policy).layer(handler))).await
}

/// Returns a cache that stores bodies of 16 MB.
///
/// The largest body depends on the number of shards, which depends on the number of cores.
fn cache_for_large_bodies() -> Cache {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    Cache::builder().max_memory_bytes(cores * 160 * 1024 * 1024).build()
}

/// Returns a body in parts, with a gate before the last one.
fn parts(parts: &[&'static str], gate: &Gate) -> Answer {
    let (last, first) = parts.split_last().unwrap();
    let first = first.iter().map(|part| Step::data(*part));
    Answer::status(StatusCode::OK).steps(first.chain([Step::Hold(gate.clone()), Step::data(*last)]))
}

async fn head(site: &Site, path: &str) -> Response<Incoming> {
    site.ask(Method::GET, path).head().await.unwrap()
}

/// Reads this many bytes.
async fn read(response: &mut Response<Incoming>, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend_from_slice(&next(response).await);
    }
    bytes
}

/// Reads the rest of a body.
async fn rest(response: Response<Incoming>) -> Result<Bytes, hyper::Error> {
    soon("the end of a body", response.into_body().collect()).await.map(http_body_util::Collected::to_bytes)
}

/// Returns a site whose policy or handler names its responses.
async fn named(cache: &Cache, by_handler: bool, origin: &Origin) -> (Arc<Site>, Door) {
    let handler = Router::new().fallback_service(origin.clone());
    let name = move |response: Response<axum::body::Body>| async move {
        (by_handler.then(|| Tags::from(["thing"])), response)
    };
    let policy = if by_handler { hourly() } else { hourly().tag("thing") };
    let layer = cache.layer(policy.follow_unknown_length());
    let handler = handler.layer(axum::middleware::map_response(name));
    behind_door(Router::new().fallback_service(layer.layer(handler))).await
}
