//! Hits of Larder on a route of an axum router, apart from the plainest one.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, IF_NONE_MATCH, RANGE, VARY};
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use axum::routing::get;
use bytes::Bytes;
use larder::{Cache, CacheLayer, Policy};
use tokio::runtime::Runtime;

use crate::case::HOUR;
use crate::hit::Hit;
use crate::origin;

/// The route whose path has a parameter.
pub(crate) const PARAMETER: &str = "/products/{id}";

/// The key is a template.
pub(crate) fn template_key(runtime: &Runtime) -> Hit {
    hit(runtime, PARAMETER, Policy::ttl(HOUR).key("product:{id}").ignore_query())
}

/// A tag has the path parameter.
pub(crate) fn tag(runtime: &Runtime) -> Hit {
    hit(runtime, PARAMETER, Policy::ttl(HOUR).tag("product:{id}"))
}

/// The query has two parameters.
pub(crate) fn query(runtime: &Runtime) -> Hit {
    let service = router(origin::PATH, Policy::ttl(HOUR));
    let request = || request_to(Method::GET, "/products/42?page=2&size=20");
    Hit::answered(runtime, service, request, request, StatusCode::OK)
}

/// The response varies on a field, and the request has it.
pub(crate) fn vary(runtime: &Runtime) -> Hit {
    let body = origin::body(1024);
    let handler = get(move || vary_by_language(body.clone()));
    let service = Router::new().route(origin::PATH, handler.layer(layer(Policy::ttl(HOUR))));
    let request = || with_field(&ACCEPT_LANGUAGE, "en");
    Hit::answered(runtime, service, request, request, StatusCode::OK)
}

/// The client has the response already.
pub(crate) fn not_modified(runtime: &Runtime) -> Hit {
    let request = || with_field(&IF_NONE_MATCH, origin::ENTITY_TAG);
    after_fill(runtime, request, StatusCode::NOT_MODIFIED)
}

/// A `HEAD` is answered from the response to a `GET`.
pub(crate) fn head(runtime: &Runtime) -> Hit {
    after_fill(runtime, || request_to(Method::HEAD, origin::PATH), StatusCode::OK)
}

/// The client asks for the first half of the body.
pub(crate) fn range(runtime: &Runtime) -> Hit {
    after_fill(runtime, || with_field(&RANGE, "bytes=0-511"), StatusCode::PARTIAL_CONTENT)
}

/// The response is stale, and its refresh goes on for the whole time.
pub(crate) fn stale(runtime: &Runtime) -> Hit {
    let (body, has_run) = (origin::body(1024), Arc::new(AtomicBool::new(false)));
    let handler = get(move || respond_once(body.clone(), Arc::clone(&has_run)));
    let policy = Policy::ttl(FRESH).stale_while_revalidate(HOUR);
    let service = Router::new().route(origin::PATH, handler.layer(layer(policy)));
    Hit::answered(runtime, service, after_a_lifetime, origin::request, StatusCode::OK)
}

/// The lifetime of the response that is stale.
const FRESH: Duration = Duration::from_millis(1);

fn after_a_lifetime() -> Request<Body> {
    std::thread::sleep(2 * FRESH);
    origin::request()
}

/// Answers the first request, and never any other one.
async fn respond_once(body: Bytes, has_run: Arc<AtomicBool>) -> Result<Response<Body>, Infallible> {
    if has_run.swap(true, Ordering::Relaxed) {
        return pending().await;
    }
    let mut response = origin::respond(body).await?;
    response.headers_mut().remove(CACHE_CONTROL);
    Ok(response)
}

async fn vary_by_language(body: Bytes) -> Result<Response<Body>, Infallible> {
    let mut response = origin::respond(body).await?;
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-language"));
    Ok(response)
}

/// Sends `request` after a plain request has filled the cache.
fn after_fill(runtime: &Runtime, request: fn() -> Request<Body>, status: StatusCode) -> Hit {
    Hit::answered(runtime, router(origin::PATH, Policy::ttl(HOUR)), origin::request, request, status)
}

fn hit(runtime: &Runtime, route: &str, policy: Policy) -> Hit {
    Hit::warm(runtime, router(route, policy))
}

/// Returns a router with one route, which has a layer with this policy.
pub(crate) fn router(route: &str, policy: Policy) -> Router {
    let body = origin::body(1024);
    Router::new().route(route, get(move || origin::respond(body.clone())).layer(layer(policy)))
}

fn layer(policy: Policy) -> CacheLayer {
    Cache::default().layer(policy)
}

fn request_to(method: Method, uri: &'static str) -> Request<Body> {
    Request::builder().method(method).uri(uri).body(Body::empty()).expect("a request")
}

fn with_field(name: &HeaderName, value: &'static str) -> Request<Body> {
    let mut request = origin::request();
    request.headers_mut().insert(name.clone(), HeaderValue::from_static(value));
    request
}
