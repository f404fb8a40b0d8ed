//! Explaining a request.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use larder::explain::{ExplainErrorKind, Explanation};
use serde::Deserialize;

use crate::access::authorize::Reader;
use crate::api::AdminState;
use crate::api_error::ApiError;

/// The request to explain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainRequest {
    #[serde(default)]
    method: Option<String>,
    uri: String,
    /// Pairs of names and values, so that a field can occur twice.
    #[serde(default)]
    headers: Vec<(String, String)>,
}

impl ExplainRequest {
    fn to_request(&self) -> Result<Request<Body>, ApiError> {
        let invalid = |what: &str, text: &str| ApiError::Invalid(format!("invalid {what}: `{text}`"));
        let method = self.method.as_deref().unwrap_or("GET");
        let mut request = Request::new(Body::empty());
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|_| invalid("method", method))?;
        *request.uri_mut() = self.uri.parse::<Uri>().map_err(|_| invalid("URI", &self.uri))?;
        *request.headers_mut() = fields(&self.headers)?;
        Ok(request)
    }
}

/// Parses header fields.
pub(super) fn fields(fields: &[(String, String)]) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let invalid = || ApiError::Invalid(format!("invalid header field `{name}`"));
        let parsed = HeaderName::try_from(&**name).map_err(|_| invalid())?;
        // The value may be a secret, so no error shows it.
        let value = HeaderValue::try_from(&**value).map_err(|_| invalid())?;
        headers.try_append(parsed, value).map_err(|_| invalid())?;
    }
    Ok(headers)
}

pub(super) async fn explain(
    State(state): State<AdminState>,
    _: Reader,
    request: Result<Json<ExplainRequest>, JsonRejection>,
) -> Result<Json<Explanation>, ApiError> {
    let Json(request) = request?;
    let request = request.to_request()?;
    let application = state.application()?;
    match state.cache.explain(application, request).await {
        Ok(explanation) => Ok(Json(explanation)),
        Err(error) if error.kind() == ExplainErrorKind::UnsafeMethod => {
            Err(ApiError::Invalid(error.to_string()))
        }
        Err(error) => Err(ApiError::NotCached(error.to_string())),
    }
}
