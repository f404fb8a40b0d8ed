//! The handlers that write: commit first, then invalidate.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode};
use larder::{Glob, Invalidation, InvalidationOutcome, Prefix, UriName};

use super::App;
use super::write_queued::write_queued;
use super::write_value::write_value;
use crate::item::{Item, Way};
use crate::wire;

/// `POST`: returns the result of `invalidate`.
pub(super) async fn write(
    State(app): State<App>,
    Path((family, id, way)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let item = format!("{family}/{id}").parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let way: Way = way.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    if way == Way::Queued {
        return write_queued(&app, item, &headers).await;
    }
    if way.is_of_a_value() {
        return write_value(&app, item, way).await;
    }
    let invalidation = invalidation(&app, item, way).ok_or(StatusCode::NOT_FOUND)?;
    let version = app.reference_model.commit(item).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let outcome = app.cache.invalidate(invalidation).await;
    let claimed = [(HeaderName::from_static(wire::CLAIMED), claimed(outcome))];
    Ok((claimed, committed(version)).into_response())
}

pub(super) const fn claimed(outcome: InvalidationOutcome) -> &'static str {
    match outcome {
        InvalidationOutcome::Applied => "applied",
        InvalidationOutcome::Deferred => "deferred",
    }
}

/// Returns the answer to a write that committed this version.
pub(super) fn committed(version: u64) -> impl IntoResponse {
    let version = [(HeaderName::from_static(wire::VERSION), version.to_string())];
    (StatusCode::NO_CONTENT, version)
}

/// `PUT`: the layer invalidates the URI after this.
pub(super) async fn put(app: &App, item: Item) -> Result<Response, StatusCode> {
    let version = app.reference_model.commit(item).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(committed(version).into_response())
}

/// Returns `None` if the layer or a write of a value invalidates.
fn invalidation(app: &App, item: Item, way: Way) -> Option<Invalidation> {
    let (family, id) = (item.family.as_str(), item.id);
    Some(match way {
        Way::Tag => Invalidation::tag(item.name()),
        Way::SoftTag => Invalidation::tag(item.name()).soft(),
        Way::Key => Invalidation::key(item.name()),
        Way::Prefix => Prefix::new(&format!("/{family}/{id}")).ok()?.into(),
        Way::Glob => Glob::new(&format!("/{family}/{id}/*")).ok()?.into(),
        Way::Uri => UriName::new(&item.path()).ok()?.into(),
        Way::All => Invalidation::all(),
        Way::ValueKey => app.collections.of(item.family)?.selector(&item.id).into(),
        Way::Put
        | Way::WriteThrough
        | Way::Transaction
        | Way::FailedWrite
        | Way::CancelledWrite
        | Way::Queued => return None,
    })
}
