//! The cached response: six header fields and a body. It is created for each request.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED, SERVER,
};
use axum::http::{Request, Response};
use bytes::Bytes;
use tower::{Service, service_fn};

/// The path of [`request()`].
pub(crate) const PATH: &str = "/products/42";
/// The entity tag of the response.
pub(crate) const ENTITY_TAG: &str = "\"5f2b8c1e9d\"";

static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Returns how often the handler has run in this process.
#[must_use]
pub fn runs() -> usize {
    RUNS.load(Ordering::Relaxed)
}

/// Returns the request of most cases.
pub(crate) fn request() -> Request<Body> {
    Request::get(PATH).body(Body::empty()).expect("a method, a path and no body make a request")
}

/// Returns the handler as a service, with a body of this length.
#[must_use]
pub fn service(
    length: usize,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let body = body(length);
    service_fn(move |_| respond(body.clone()))
}

/// Returns a body of this length.
pub(crate) fn body(length: usize) -> Bytes {
    Bytes::from(vec![b'x'; length])
}

/// The handler. It only creates the response; its body is shared and not copied.
pub(crate) async fn respond(body: Bytes) -> Result<Response<Body>, Infallible> {
    RUNS.fetch_add(1, Ordering::Relaxed);
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    headers.insert(ETAG, HeaderValue::from_static(ENTITY_TAG));
    headers.insert(LAST_MODIFIED, HeaderValue::from_static("Sun, 01 Nov 2026 08:00:00 GMT"));
    headers.insert(SERVER, HeaderValue::from_static("origin"));
    Ok(response)
}
