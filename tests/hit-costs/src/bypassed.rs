//! Requests for which the handler runs each time.

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Method, Request, StatusCode};
use larder::{Cache, Policy};
use tokio::runtime::Runtime;
use tower::Layer;

use crate::case::HOUR;
use crate::hit::Hit;
use crate::origin;

/// How a request reaches the handler.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// Without a layer.
    Bare,
    /// Through Larder.
    Larder,
}

/// The method is none that the cache answers.
pub(crate) fn method(runtime: &Runtime, way: Way) -> Hit {
    bypass(runtime, way, || {
        let mut request = origin::request();
        *request.method_mut() = Method::OPTIONS;
        request
    })
}

/// The request has credentials that the policy does not declare, so its response is not stored.
pub(crate) fn unstored(runtime: &Runtime, way: Way) -> Hit {
    bypass(runtime, way, || {
        let mut request = origin::request();
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer 5f2b8c1e9d"));
        request
    })
}

fn bypass(runtime: &Runtime, way: Way, request: fn() -> Request<Body>) -> Hit {
    let service = origin::service(1024);
    match way {
        Way::Bare => Hit::answered(runtime, service, request, request, StatusCode::OK),
        Way::Larder => {
            let layer = Cache::default().layer(Policy::ttl(HOUR));
            Hit::answered(runtime, layer.layer(service), request, request, StatusCode::OK)
        }
    }
}
