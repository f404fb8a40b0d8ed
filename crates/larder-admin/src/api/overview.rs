//! Statistics, health and advice.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use larder::advice::Advice;
use larder::{Cache, RouteStats, Stats, TopKeys};
use serde::Serialize;
use serde_json::{Value, json};

use crate::access::authorize::Reader;
use crate::api_error::ApiError;

/// The counters, as they are in the cache, and the two figures that follow from them.
#[derive(Serialize)]
pub(super) struct StatsAnswer {
    hit_ratio: f64,
    classes: BTreeMap<String, RouteStats>,
    #[serde(flatten)]
    stats: Stats,
}

pub(super) async fn stats(State(cache): State<Cache>, _: Reader) -> Json<StatsAnswer> {
    let stats = cache.stats();
    Json(StatsAnswer { hit_ratio: stats.hit_ratio(), classes: stats.classes(), stats })
}

pub(super) async fn health(State(cache): State<Cache>, _: Reader) -> Json<Value> {
    let health = cache.health();
    Json(json!({
        "is_ready": health.is_ready(),
        "store": health.store.to_string(),
        "caught_up": health.caught_up,
        "confirmation_age_seconds": health.confirmation_age.map(|age| age.as_secs_f64()),
        "deferred": health.deferred,
        "write_queue": health.write_queue.to_string(),
        "text": health.to_string(),
    }))
}

/// Advice that rests on the shared store needs its answer. Without it, the rest is still given.
pub(super) async fn advice(State(cache): State<Cache>, _: Reader) -> Json<Vec<Advice>> {
    Json(cache.advice().await)
}

pub(super) async fn top_keys(State(cache): State<Cache>, _: Reader) -> Result<Json<TopKeys>, ApiError> {
    cache.top_keys().map(Json).ok_or(ApiError::Unsupported(
        "the cache does not count keys: `CacheBuilder::count_top_keys` turns it on",
    ))
}
