//! A response with its complete body.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use larder_core::outcome::Outcome;

use crate::http::body::CacheBody;
use crate::http::cache_status::X_CACHE;
use crate::http::cache_status::reporting::Reporting;

/// A response with its complete body.
///
/// The `Response` itself is built where it is handed out, because a `Response` is large and
/// expensive to move.
pub(crate) struct FullResponse {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    pub(super) body: Bytes,
}

impl FullResponse {
    /// Builds the `Response`.
    #[inline]
    pub(crate) fn into_response<B: Body>(self) -> Response<CacheBody<B>> {
        let mut response = Response::new(CacheBody::full(self.body));
        *response.status_mut() = self.status;
        let empty = std::mem::replace(response.headers_mut(), self.fields);
        // An empty map owns nothing. Forgetting it saves the search for something to drop.
        std::mem::forget(empty);
        response
    }
}

/// Returns the 504 for a request that accepts only a stored response, if there is none.
///
/// RFC 9211 §2: "An intermediary SHOULD NOT append a Cache-Status member to responses that it
/// generates locally".
pub(crate) fn gateway_timeout(reporting: &Reporting, outcome: Outcome) -> FullResponse {
    let mut fields = HeaderMap::new();
    if reporting.x_cache {
        fields.insert(X_CACHE, HeaderValue::from_static(outcome.x_cache()));
    }
    FullResponse { status: StatusCode::GATEWAY_TIMEOUT, fields, body: Bytes::new() }
}
