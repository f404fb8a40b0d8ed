//! The handlers that write: commit first, then invalidate.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode};
use larder::{Glob, Invalidation, InvalidationOutcome, Prefix, UriName};

use super::App;
use crate::item::{Item, Way};
use crate::wire;

/// `POST`: returns the result of `invalidate`.
pub(super) async fn write(
    State(app): State<App>,
    Path((family, id, way)): Path<(String, String, String)>,
) -> Result<Response, StatusCode> {
    let item = format!("{family}/{id}").parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let way = way.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let invalidation = invalidation(item, way).ok_or(StatusCode::NOT_FOUND)?;
    let version = app.reference_model.commit(item).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let claimed = match app.cache.invalidate(invalidation).await {
        InvalidationOutcome::Applied => "applied",
        InvalidationOutcome::Deferred => "deferred",
    };
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(wire::CLAIMED), http::HeaderValue::from_static(claimed));
    headers.insert(HeaderName::from_static(wire::VERSION), version.into());
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// `PUT`: the layer invalidates the URI after this.
pub(super) async fn put(app: &App, item: Item) -> Result<Response, StatusCode> {
    let version = app.reference_model.commit(item).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let version = [(HeaderName::from_static(wire::VERSION), version.to_string())];
    Ok((StatusCode::NO_CONTENT, version).into_response())
}

/// Returns `None` if the layer invalidates, or if the way is unknown.
fn invalidation(item: Item, way: Way) -> Option<Invalidation> {
    let (family, id) = (item.family.as_str(), item.id);
    Some(match way {
        Way::Tag => Invalidation::tag(item.name()),
        Way::SoftTag => Invalidation::tag(item.name()).soft(),
        Way::Key => Invalidation::key(item.name()),
        Way::Prefix => Prefix::new(&format!("/{family}/{id}")).ok()?.into(),
        Way::Glob => Glob::new(&format!("/{family}/{id}/*")).ok()?.into(),
        Way::Uri => UriName::new(&item.path()).ok()?.into(),
        Way::All => Invalidation::all(),
        Way::Put => return None,
    })
}
