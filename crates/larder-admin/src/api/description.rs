//! The OpenAPI document.

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use crate::access::authorize::Reader;

pub(super) async fn openapi(_: Reader) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}
