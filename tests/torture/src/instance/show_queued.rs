//! The handlers that show a queued value or the result of operations, and the size of the queue.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode};
use larder::values::{ReadError, WriteBehind};

use super::App;
use super::collections::Version;
use super::show_value::{AMONG_MANY, LoadFailure, X_CACHE, failed, load, load_many};
use crate::item::Item;
use crate::wire;

/// Returns the value: the cached one, the pending one, or that of the database.
pub(super) async fn show_queued(app: &App, item: Item, headers: &HeaderMap) -> Result<Response, StatusCode> {
    let carts = &app.queued.as_ref().ok_or(StatusCode::NOT_FOUND)?.values;
    let language = wire::field(headers, wire::LANGUAGE).unwrap_or("-");
    if language == AMONG_MANY {
        // Nothing, if another item's load failed.
        if let Some(response) = among_many(app, carts, item, language).await? {
            return Ok(response);
        }
    }
    let mut loads = false;
    let from_database = || {
        loads = true;
        load(app, item)
    };
    let value = match carts.get_or_load(&item.id, from_database).await {
        Ok(value) => value.ok_or(StatusCode::NOT_FOUND)?,
        Err(error) => return refused(error.get_ref()),
    };
    let source = match (loads, value.run) {
        (true, _) => "QUEUED loaded",
        (false, Some(_)) => "QUEUED found",
        (false, None) => "QUEUED written or pending",
    };
    Ok(shown(source, &value, language))
}

/// Returns the result of the operations on an item: the newest one that the database has.
pub(super) async fn show_result(app: &App, item: Item, headers: &HeaderMap) -> Result<Response, StatusCode> {
    let results = &app.queued.as_ref().ok_or(StatusCode::NOT_FOUND)?.results;
    let language = wire::field(headers, wire::LANGUAGE).unwrap_or("-");
    match results.get_or_load(&item.id, || load(app, item)).await {
        Ok(value) => Ok(shown("RESULT", &*value.ok_or(StatusCode::NOT_FOUND)?, language)),
        Err(error) => failed(error.get_ref()),
    }
}

/// Reads a third of the values in one call, and returns that of the item.
async fn among_many(
    app: &App,
    carts: &WriteBehind<usize, Version>,
    item: Item,
    language: &str,
) -> Result<Option<Response>, StatusCode> {
    let ids: Vec<usize> = (0..item.family.items()).filter(|id| id % 3 == item.id % 3).collect();
    let load = async |missing| load_many(app, item.family, missing).await;
    match carts.get_many_or_load(&ids, load).await {
        Ok(mut found) => {
            let value = found.swap_remove(item.id / 3).ok_or(StatusCode::NOT_FOUND)?;
            Ok(Some(shown("QUEUED among many", &value, language)))
        }
        Err(error) => match error.get_ref() {
            ReadError::Load(failure) if failure.item != item => Ok(None),
            error => refused(error).map(Some),
        },
    }
}

fn shown(source: &'static str, value: &Version, language: &str) -> Response {
    ([(X_CACHE, source)], value.body(language)).into_response()
}

fn refused(error: &ReadError<LoadFailure>) -> Result<Response, StatusCode> {
    match error {
        ReadError::Load(failure) => failed(failure),
        ReadError::PendingUnavailable => {
            let header = [(HeaderName::from_static(wire::UNAVAILABLE), "1")];
            Ok((StatusCode::SERVICE_UNAVAILABLE, header, "unavailable").into_response())
        }
        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Returns the numbers of queued writes and of dead letters.
pub(super) async fn queue_size(State(app): State<App>) -> Result<String, StatusCode> {
    let queued = app.queued.as_ref().ok_or(StatusCode::NOT_FOUND)?;
    let stats = queued.sizes().await.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let sum = |of: fn(&larder::write_queue::QueueStats) -> u64| stats.iter().map(of).sum::<u64>();
    Ok(format!("{} {}", sum(|partition| partition.entries), sum(|partition| partition.dead)))
}
