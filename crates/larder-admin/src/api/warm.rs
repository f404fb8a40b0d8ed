//! Jobs that fill the cache before clients ask.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use http::{HeaderMap, Request, Uri};
use larder::warm::WarmOptions;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::authorize::{Operator, Reader};
use crate::api::AdminState;
use crate::api::explain::fields;
use crate::api_error::ApiError;

/// The most URIs of one job.
const MAX_URIS: usize = 10_000;

/// The requests of a job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WarmRequest {
    uris: Vec<String>,
    /// The fields of each request, such as `Host`.
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    concurrency: Option<usize>,
    #[serde(default)]
    per_second: Option<u32>,
}

impl WarmRequest {
    fn options(&self) -> WarmOptions {
        let mut options = WarmOptions::default();
        if let Some(concurrency) = self.concurrency {
            options = options.concurrency(concurrency);
        }
        if let Some(per_second) = self.per_second {
            options = options.per_second(per_second);
        }
        options
    }

    fn requests(&self) -> Result<Vec<Request<Body>>, ApiError> {
        if self.uris.len() > MAX_URIS {
            return Err(ApiError::Invalid(format!("a job has at most {MAX_URIS} URIs")));
        }
        let headers = fields(&self.headers)?;
        self.uris.iter().map(|uri| request(uri, &headers)).collect()
    }
}

fn request(uri: &str, headers: &HeaderMap) -> Result<Request<Body>, ApiError> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() =
        uri.parse::<Uri>().map_err(|_| ApiError::Invalid(format!("invalid URI: `{uri}`")))?;
    *request.headers_mut() = headers.clone();
    Ok(request)
}

pub(super) async fn start(
    State(state): State<AdminState>,
    Operator(who): Operator,
    request: Result<Json<WarmRequest>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(request) = request?;
    let (requests, options) = (request.requests()?, request.options());
    let warming = state.cache.warm(state.application()?, requests, options);
    let job = state.jobs.add(who.clone(), "warm", warming).ok_or(ApiError::TooManyJobs)?;
    tracing::info!(target: "larder", who = &*who, uris = request.uris.len(), "admin warm-up");
    Ok(Json(job))
}

pub(super) async fn list(State(state): State<AdminState>, _: Reader) -> Json<Value> {
    Json(json!({ "jobs": state.jobs.list() }))
}

pub(super) async fn show(
    State(state): State<AdminState>,
    _: Reader,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(number) = number.map_err(|_| ApiError::NotFound)?;
    state.jobs.get(number).map(Json).ok_or(ApiError::NotFound)
}

pub(super) async fn stop(
    State(state): State<AdminState>,
    Operator(who): Operator,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(number) = number.map_err(|_| ApiError::NotFound)?;
    let job = state.jobs.stop(number).ok_or(ApiError::NotFound)?;
    tracing::info!(target: "larder", who = &*who, number = number, "admin warm-up stopped");
    Ok(Json(job))
}
