//! The JSON API. `openapi.json` describes it.
//!
//! | file | what it does |
//! | --- | --- |
//! | `description.rs` | the OpenAPI document |
//! | `client.rs` | the client of a token |
//! | `overview.rs` | statistics, health, advice, top keys |
//! | `fleet.rs` | the instances, the shared store, the policies |
//! | `stored.rs`, `stored_json.rs` | what is stored |
//! | `explain.rs` | explaining a request |
//! | `purge.rs`, `purge_request.rs` | invalidation |
//! | `detached.rs` | changes that go on without their client |
//! | `feed.rs` | the live feed of invalidations |
//! | `switches.rs` | the kill switch |
//! | `warm.rs`, `warm_jobs.rs` | jobs that fill the cache |

mod client;
mod description;
mod detached;
mod explain;
mod feed;
mod fleet;
mod overview;
mod purge;
mod purge_request;
mod stored;
mod stored_json;
mod switches;
mod warm;
pub(crate) mod warm_jobs;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use larder::Cache;

use crate::access::authorize::{Gatekeeper, authorize};
use crate::api::warm_jobs::WarmJobs;
use crate::api_error::ApiError;

/// The most bytes of a request's body.
const MAX_BODY: usize = 1024 * 1024;

/// The cache, and the service that is cached.
#[derive(Debug, Clone)]
pub(crate) struct AdminState {
    pub(crate) cache: Cache,
    pub(crate) application: Option<Router>,
    pub(crate) jobs: WarmJobs,
}

impl AdminState {
    /// Returns the service that is cached.
    fn application(&self) -> Result<Router, ApiError> {
        self.application.clone().ok_or(ApiError::Unsupported(
            "the application is not known here: `AdminRouter::application` sets it",
        ))
    }
}

impl FromRef<AdminState> for Cache {
    fn from_ref(state: &AdminState) -> Self {
        state.cache.clone()
    }
}

/// Returns the routes, behind the gatekeeper.
pub(crate) fn router<S>(state: AdminState, gatekeeper: Arc<Gatekeeper>) -> Router<S> {
    Router::new()
        .route("/api/openapi.json", get(description::openapi))
        .route("/api/client", get(client::client))
        .route("/api/stats", get(overview::stats))
        .route("/api/health", get(overview::health))
        .route("/api/advice", get(overview::advice))
        .route("/api/top-keys", get(overview::top_keys))
        .route("/api/instances", get(fleet::instances))
        .route("/api/store", get(fleet::store))
        .route("/api/policies", get(fleet::policies))
        .route("/api/responses", get(stored::responses))
        .route("/api/values", get(stored::values))
        .route("/api/inspect", get(stored::inspect))
        .route("/api/explain", post(explain::explain))
        .route("/api/purge", post(purge::purge))
        .route("/api/invalidations", get(feed::invalidations))
        .route("/api/switches", get(switches::list).post(switches::set).delete(switches::end))
        .route("/api/warm", get(warm::list).post(warm::start))
        .route("/api/warm/{job}", get(warm::show).delete(warm::stop))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(gatekeeper, authorize))
        .with_state(state)
}
