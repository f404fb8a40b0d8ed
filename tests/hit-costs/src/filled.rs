//! Requests whose handler runs, and whose responses are stored.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use larder::{Cache, CacheLayer, Policy};
use tokio::join;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::case::HOUR;
use crate::hit::Hit;
use crate::origin;

/// The size of the memory tier, which is soon full. So each fill evicts as much as it stores.
const MEMORY: u64 = 1 << 20;

/// The key is unknown.
pub(crate) fn miss() -> Hit {
    let service = layer().layer(handler(None));
    on_its_runtime(async move || answer(service.clone(), new_key()).await)
}

/// Two requests for an unknown key: the second one follows the fill of the first one.
pub(crate) fn miss_with_follower() -> Hit {
    let service = layer().layer(handler(None));
    on_its_runtime(async move || {
        let path = new_key();
        join!(answer(service.clone(), path.clone()), answer(service.clone(), path));
    })
}

/// The response is stale at once. It is served, and refreshed in the background.
pub(crate) fn refresh() -> Hit {
    let service = layer().layer(handler(Some("max-age=0, stale-while-revalidate=3600")));
    on_its_runtime(async move || {
        let before = origin::runs();
        answer(service.clone(), origin::PATH.to_owned()).await;
        while origin::runs() == before {
            yield_now().await;
        }
        // What is left of the refresh never waits.
        yield_now().await;
        yield_now().await;
    })
}

/// Returns a case whose requests have to wait, for tasks of the runtime that this creates.
fn on_its_runtime(once: impl AsyncFn() + 'static) -> Hit {
    let runtime: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    Hit::of(move || runtime.block_on(once()))
}

fn layer() -> CacheLayer {
    Cache::builder().max_memory_bytes(MEMORY).build().layer(Policy::ttl(HOUR))
}

/// Returns the handler. Other requests can arrive while it runs.
fn handler(
    cache_control: Option<&'static str>,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let body = origin::body(1024);
    service_fn(move |_| respond(body.clone(), cache_control))
}

async fn respond(body: Bytes, cache_control: Option<&'static str>) -> Result<Response<Body>, Infallible> {
    yield_now().await;
    let mut response = origin::respond(body).await?;
    if let Some(value) = cache_control {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(value));
    }
    Ok(response)
}

async fn answer<S, B>(service: S, path: String)
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: axum::body::HttpBody,
{
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let response = service.oneshot(request).await.expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.into_body().collect().await.is_ok());
}

/// Returns a path that was not requested before, of the length of the others.
fn new_key() -> String {
    static KEYS: AtomicUsize = AtomicUsize::new(10_000_000);
    format!("/products/{}", KEYS.fetch_add(1, Ordering::Relaxed))
}
