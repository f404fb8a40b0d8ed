//! The handler that shows a typed value.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode};
use larder::values::{LoadError, Values};

use super::App;
use super::collections::Version;
use crate::item::{Family, Item};
use crate::wire;

/// The field with the source of the value. The layer of a cached route overwrites it.
pub(super) const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// Values that are requested in this language are read together with all others of their family.
pub(super) const AMONG_MANY: &str = "fr";

/// Returns the value, which is loaded from the reference model if it is not cached.
pub(super) async fn show_value(app: &App, item: Item, headers: &HeaderMap) -> Result<Response, StatusCode> {
    let values = app.collections.of(item.family).ok_or(StatusCode::NOT_FOUND)?;
    let mut loads = false;
    let load = || {
        loads = true;
        load(app, item)
    };
    let language = wire::field(headers, wire::LANGUAGE).unwrap_or("-");
    if item.family == Family::Values && language == AMONG_MANY {
        match among_many(app, item, values).await {
            Ok(value) => {
                let value = value.ok_or(StatusCode::NOT_FOUND)?;
                return Ok(([(X_CACHE, "VALUE among many")], value.body(language)).into_response());
            }
            Err(error) if error.get_ref().item == item => return failed(error.get_ref()),
            // Another call's load of another item.
            Err(_) => {}
        }
    }
    let value = match values.get_or_load(&item.id, load).await {
        Ok(value) => value.ok_or(StatusCode::NOT_FOUND)?,
        Err(error) => return failed(error.get_ref()),
    };
    let source = match (loads, value.run) {
        (true, _) => "VALUE loaded",
        (false, Some(_)) => "VALUE found",
        (false, None) => "VALUE written through",
    };
    Ok(([(X_CACHE, source)], value.body(language)).into_response())
}

/// Reads all values of the family in one call, and returns that of the item.
///
/// Its own loads do not fail, because their error would be that of several items. It may return the
/// error of another call's load.
async fn among_many(
    app: &App,
    item: Item,
    values: &Values<usize, Version>,
) -> Result<Option<Arc<Version>>, LoadError<LoadFailure>> {
    let ids: Vec<usize> = (0..item.family.items()).collect();
    let load = async |missing| load_many(app, item.family, missing).await;
    let mut found = values.get_many_or_load(&ids, load).await?;
    Ok(found.swap_remove(item.id))
}

/// Loads several values of a family. This does not fail like a load of one.
pub(super) async fn load_many(
    app: &App,
    family: Family,
    missing: Vec<usize>,
) -> Result<Vec<(usize, Version)>, LoadFailure> {
    let mut loaded = Vec::with_capacity(missing.len());
    let mut longest = Duration::ZERO;
    for id in missing {
        let item = Item { family, id };
        let reported = app.reference_model.read(item).await.map_err(|_| LoadFailure { item, run: None })?;
        longest = longest.max(reported.delay);
        loaded.push((id, Version::loaded(item, &reported)));
    }
    tokio::time::sleep(longest).await;
    Ok(loaded)
}

/// A load that failed.
#[derive(Debug)]
pub(super) struct LoadFailure {
    pub(super) item: Item,
    /// The run that failed. `None` if the reference model could not be read.
    run: Option<u64>,
}

impl fmt::Display for LoadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for LoadFailure {}

pub(super) async fn load(app: &App, item: Item) -> Result<Version, LoadFailure> {
    let reported = app.reference_model.read(item).await.map_err(|_| LoadFailure { item, run: None })?;
    tokio::time::sleep(reported.delay).await;
    let run = Some(reported.run);
    match reported.fails {
        true => Err(LoadFailure { item, run }),
        false => Ok(Version::loaded(item, &reported)),
    }
}

pub(super) fn failed(failure: &LoadFailure) -> Result<Response, StatusCode> {
    let run = failure.run.ok_or(StatusCode::BAD_GATEWAY)?;
    let run = [(HeaderName::from_static(wire::RUN), run.to_string())];
    Ok((StatusCode::SERVICE_UNAVAILABLE, run, failure.to_string()).into_response())
}
