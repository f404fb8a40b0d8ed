//! The instances, the shared store, and the policies of routes and collections.

use axum::Json;
use axum::extract::State;
use larder::store::StoreError;
use larder::values::CollectionPolicy;
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

pub(super) async fn policies(State(cache): State<Cache>, _: Reader) -> Json<Value> {
    let (policies, collections): (Vec<PolicyDescription>, Vec<CollectionPolicy>) =
        (cache.policies(), cache.collection_policies());
    Json(json!({ "policies": policies, "collections": collections }))
}
