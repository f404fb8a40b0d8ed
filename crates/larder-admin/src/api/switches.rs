//! The kill switch: bypasses until a time.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use larder::{Cache, Switch, SwitchError, SwitchErrorKind, SwitchScope};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::authorize::{Operator, Reader};
use crate::api_error::ApiError;

/// A switch to set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SwitchRequest {
    scope: SwitchScope,
    seconds: u64,
    /// Whether it is for all instances.
    #[serde(default)]
    fleet: bool,
}

/// A switch to end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResumeRequest {
    scope: SwitchScope,
    #[serde(default)]
    fleet: bool,
}

impl From<SwitchError> for ApiError {
    fn from(error: SwitchError) -> Self {
        match error.kind() {
            SwitchErrorKind::Store | SwitchErrorKind::Conflict => Self::Store(error.to_string()),
            _ => Self::Invalid(error.to_string()),
        }
    }
}

pub(super) async fn list(State(cache): State<Cache>, _: Reader) -> Json<Vec<Switch>> {
    Json(cache.switches())
}

/// The library logs each switch with the name of its operator.
pub(super) async fn set(
    State(cache): State<Cache>,
    Operator(who): Operator,
    request: Result<Json<SwitchRequest>, JsonRejection>,
) -> Result<Json<Vec<Switch>>, ApiError> {
    let Json(SwitchRequest { scope, seconds, fleet }) = request?;
    let duration = Duration::from_secs(seconds);
    match fleet {
        true => cache.bypass_fleet(scope, duration, &who).await?,
        false => cache.bypass(scope, duration, &who)?,
    }
    Ok(Json(cache.switches()))
}

pub(super) async fn end(
    State(cache): State<Cache>,
    Operator(who): Operator,
    request: Result<Json<ResumeRequest>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(ResumeRequest { scope, fleet }) = request?;
    let ended = match fleet {
        true => cache.resume_fleet(&scope, &who).await?,
        false => cache.resume(&scope, &who)?,
    };
    Ok(Json(json!({ "ended": ended, "switches": cache.switches() })))
}
