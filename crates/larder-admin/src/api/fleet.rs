//! The instances, the shared store, and the policies.

use axum::Json;
use axum::extract::State;
use larder::store::StoreError;
use larder::{Cache, Instance, PolicyDescription, StoreStats};
use serde_json::{Value, json};

use crate::access::authorize::Reader;
use crate::api_error::ApiError;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

pub(super) async fn instances(State(cache): State<Cache>, _: Reader) -> Result<Json<Value>, ApiError> {
    let instances: Vec<Instance> = cache.instances().await?;
    Ok(Json(json!({ "this": cache.instance_id().to_string(), "instances": instances })))
}

pub(super) async fn store(State(cache): State<Cache>, _: Reader) -> Result<Json<StoreStats>, ApiError> {
    Ok(Json(cache.store_stats().await?))
}

pub(super) async fn policies(State(cache): State<Cache>, _: Reader) -> Json<Vec<PolicyDescription>> {
    Json(cache.policies())
}
