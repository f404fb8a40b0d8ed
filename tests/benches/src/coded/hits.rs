//! Hits for a tool that counts instructions.

use std::fmt::Debug;
use std::hint::black_box;

use axum::body::{Body, HttpBody};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use larder::{Cache, Policy, ttl};
use tower::{Layer as _, Service, ServiceExt as _};

use super::{BROWSER, Place, coded_length, opaque_service, policy, service};

const LENGTH: usize = 16 * 1024;

/// Sends this many hits: of a coded response, or else of one as large as that.
///
/// # Panics
///
/// Panics if the service does not answer.
pub async fn send_hits(place: Place, number: u64) {
    let cache = Cache::default();
    if place == Place::Encode {
        send(cache.layer(policy()).layer(service(LENGTH)), number, true).await;
    } else {
        let layer = cache.layer(Policy::ttl(ttl::STANDARD));
        send(layer.layer(opaque_service(coded_length(LENGTH))), number, false).await;
    }
}

async fn send<S, B>(service: S, number: u64, is_coded: bool)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    B: HttpBody<Error: Debug>,
{
    let mut is_warm = false;
    while !is_warm {
        let response = service.clone().oneshot(request()).await.expect("a response");
        is_warm = response.headers().contains_key("age")
            && response.headers().contains_key(CONTENT_ENCODING) == is_coded;
        response.into_body().collect().await.expect("a whole body");
        tokio::task::yield_now().await;
    }
    for _ in 0..number {
        black_box(service.clone().oneshot(request()).await.expect("a response"));
    }
}

fn request() -> Request<Body> {
    let mut request = Request::get("/products/42").body(Body::empty()).expect("a request");
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(BROWSER));
    request
}
