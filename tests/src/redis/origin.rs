//! What the instances are in front of: handlers that read one truth.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_LANGUAGE, LAST_MODIFIED, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use larder::{Cache, Policy, ttl};
use larder_testing::Gate;

/// How many values a [`Truth`] has.
pub const VALUES: usize = 64;

/// Values that only grow, as a database would hold them. Clones are the same.
#[derive(Debug, Clone)]
pub struct Truth(Arc<[AtomicU64; VALUES]>);

impl Default for Truth {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| AtomicU64::new(1))))
    }
}

impl Truth {
    /// What is true now.
    #[must_use]
    pub fn read(&self, id: usize) -> u64 {
        self.0[id].load(Ordering::SeqCst)
    }

    /// Changes it, and tells the new value. No cache is told.
    #[must_use]
    pub fn change(&self, id: usize) -> u64 {
        self.0[id].fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// The handlers of one instance.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) cache: Cache,
    pub(super) truth: Truth,
    pub(super) runs: Arc<AtomicUsize>,
    /// Where the next run waits between reading the truth and answering, by what it reads.
    pub(super) holds: Arc<Mutex<HashMap<usize, Gate>>>,
}

impl Origin {
    pub(super) fn routes(self) -> Router {
        let standard = || Policy::ttl(ttl::STANDARD).jitter(0.0).tag("value:{id}");
        let window = Duration::from_secs(600);
        let route = |policy: Policy| self.cache.layer(policy);
        Router::new()
            .route("/values/{id}", get(show).put(update).layer(route(standard())))
            .route("/by-key/{id}", get(show).layer(route(standard().key("by-key:{id}"))))
            .route("/languages/{id}", get(language).layer(route(standard())))
            .route("/bodies/{id}", get(body).layer(route(standard())))
            .route("/dated/{id}", get(dated).layer(route(standard())))
            .route(
                "/patient/{id}",
                get(show).layer(route(standard().stale_while_revalidate(window).stale_if_error(window))),
            )
            .route(
                "/probe/{name}",
                get(async || "probe").layer(route(Policy::ttl(ttl::STANDARD).jitter(0.0))),
            )
            .with_state(self)
    }

    async fn read(&self, id: usize) -> u64 {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let value = self.truth.read(id);
        let gate = self.holds.lock().unwrap().remove(&id);
        if let Some(gate) = gate {
            gate.pass().await;
        }
        value
    }
}

async fn show(State(origin): State<Origin>, Path(id): Path<usize>) -> String {
    format!("v{}", origin.read(id).await)
}

/// Writes, and then is held, so that a client can leave between the write and what the layer does after it.
async fn update(State(origin): State<Origin>, Path(id): Path<usize>) -> StatusCode {
    let _ = origin.truth.change(id);
    let gate = origin.holds.lock().unwrap().remove(&id);
    if let Some(gate) = gate {
        gate.pass().await;
    }
    StatusCode::NO_CONTENT
}

async fn language(
    State(origin): State<Origin>,
    Path(id): Path<usize>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let language = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let text = format!("v{} in {}", origin.read(id).await, language.unwrap_or("any"));
    ([(VARY, "Accept-Language")], text)
}

/// A body of a size that one read from a socket does not bring, without a pattern that could hide a mistake.
async fn body(State(origin): State<Origin>, Path(id): Path<usize>) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(origin.read(id).await);
    std::iter::repeat_with(|| random.u8(..)).take(700_000).collect()
}

/// A validator that does not tell two versions apart, as `Last-Modified` does not within one second.
async fn dated(State(origin): State<Origin>, Path(id): Path<usize>, headers: HeaderMap) -> Response {
    let value = origin.read(id).await;
    let date = HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT");
    if headers.get("if-modified-since") == Some(&date) {
        return (StatusCode::NOT_MODIFIED, [(LAST_MODIFIED, date)]).into_response();
    }
    ([(LAST_MODIFIED, date)], format!("v{value}")).into_response()
}
