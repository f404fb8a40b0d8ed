//! Invalidation.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use larder::warm::RefillOptions;
use larder::{Invalidation, InvalidationOutcome};
use serde_json::{Value, json};

use crate::access::authorize::Operator;
use crate::api::AdminState;
use crate::api::detached::run_to_end;
use crate::api::purge_request::PurgeRequest;
use crate::api::stored_json::preview_json;
use crate::api_error::ApiError;

/// Invalidates responses and values, and logs who did it.
pub(super) async fn purge(
    State(state): State<AdminState>,
    Operator(who): Operator,
    request: Result<Json<PurgeRequest>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(request) = request?;
    let invalidation = request.to_invalidation()?;
    let preview = preview_json(&state.cache.preview(invalidation.clone()).await);
    if request.dry_run {
        return Ok(Json(json!({ "outcome": "dry-run", "here": preview })));
    }
    let (outcome, refill) = run_to_end(change(state, who, request, invalidation)).await?;
    Ok(Json(json!({ "outcome": outcome, "here": preview, "refill": refill })))
}

/// Returns the word for the outcome, and the job of the refill.
async fn change(
    state: AdminState,
    who: Arc<str>,
    request: PurgeRequest,
    invalidation: Invalidation,
) -> Result<(&'static str, Value), ApiError> {
    let (outcome, refill) = match request.refill {
        0 => (state.cache.invalidate(invalidation).await, Value::Null),
        most => refill(&state, &who, invalidation, most).await?,
    };
    let outcome = outcome_word(outcome);
    tracing::info!(target: "larder", who = &*who, request = ?request, outcome = outcome, "admin purge");
    Ok((outcome, refill))
}

const fn outcome_word(outcome: InvalidationOutcome) -> &'static str {
    match outcome {
        InvalidationOutcome::Applied => "applied",
        InvalidationOutcome::Deferred => "deferred",
    }
}

/// Invalidates, and fills the most requested responses again.
async fn refill(
    state: &AdminState,
    who: &Arc<str>,
    invalidation: Invalidation,
    most: usize,
) -> Result<(InvalidationOutcome, Value), ApiError> {
    let hottest = state.cache.top_keys().map(|top| top.requests).unwrap_or_default();
    let options = RefillOptions::default().limit(most).order(hottest.into_iter().map(|top| top.key));
    let application = state.application()?;
    let refill = state.cache.invalidate_and_refill::<_, Body, _>(invalidation, application, options).await;
    let (not_rebuilt, left_out) = (refill.not_rebuilt, refill.left_out);
    // If too many jobs run, the responses are filled by their next requests.
    let job = state.jobs.add(Arc::clone(who), "refill", refill.warming);
    Ok((refill.outcome, json!({ "job": job, "not_rebuilt": not_rebuilt, "left_out": left_out })))
}
