//! Writes that commit a typed value and store it.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode};
use larder::values::{Values, Written};
use tokio::sync::oneshot;

use super::App;
use super::broken::Rule;
use super::collections::Version;
use super::write::{claimed, committed};
use crate::item::{Item, Way};
use crate::wire;

/// Commits the next version in a way that stores it, or that may have stored it.
pub(super) async fn write_value(app: &App, item: Item, way: Way) -> Result<Response, StatusCode> {
    let values = app.collections.of(item.family).ok_or(StatusCode::NOT_FOUND)?;
    let write = WriteOfValue { app, item, values };
    match way {
        Way::WriteThrough => write.through().await,
        Way::Transaction => write.in_own_transaction().await,
        Way::FailedWrite => write.fails().await,
        Way::CancelledWrite => write.is_cancelled().await,
        _ => Err(StatusCode::NOT_FOUND),
    }
}

struct WriteOfValue<'a> {
    app: &'a App,
    item: Item,
    values: &'a Values<usize, Version>,
}

impl WriteOfValue<'_> {
    async fn through(&self) -> Result<Response, StatusCode> {
        if self.app.breaks == Some(Rule::BeginsAfterCommit) {
            let version = self.commit().await?;
            return Ok(stored(self.values.begin_write(&self.item.id).finish(version).await));
        }
        self.values.write_through(&self.item.id, || self.commit()).await.map(stored)
    }

    async fn in_own_transaction(&self) -> Result<Response, StatusCode> {
        let pending = self.values.begin_write(&self.item.id);
        let version = self.commit().await?;
        Ok(stored(pending.finish(version).await))
    }

    /// Commits, but returns an error, like a transaction whose answer was lost.
    async fn fails(&self) -> Result<Response, StatusCode> {
        let failing = async || Err::<Version, _>(self.commit().await);
        match self.values.write_through(&self.item.id, failing).await {
            Err(Ok(version)) => Ok(committed(version.version).into_response()),
            Err(Err(status)) => Err(status),
            Ok(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Commits, and is dropped right after that: within the write, or while it is appended.
    async fn is_cancelled(&self) -> Result<Response, StatusCode> {
        let (commits, has_committed) = oneshot::channel();
        let write = async || {
            let version = self.commit().await?;
            let (number, ends) = (version.version, version.version.is_multiple_of(2));
            let _ = commits.send(number);
            if ends { Ok(version) } else { std::future::pending().await }
        };
        tokio::select! {
            written = self.values.write_through(&self.item.id, write) => written.map(stored),
            Ok(version) = has_committed => Ok(committed(version).into_response()),
        }
    }

    async fn commit(&self) -> Result<Version, StatusCode> {
        let version = self.app.reference_model.transaction(self.item).await;
        let version = version.map_err(|_| StatusCode::BAD_GATEWAY)?;
        Ok(Version { item: self.item.to_string(), version, run: None })
    }
}

/// Returns the answer to a write that ran to its end.
fn stored(written: Written<Version>) -> Response {
    let fields = [
        (HeaderName::from_static(wire::CLAIMED), claimed(written.invalidation())),
        (HeaderName::from_static(wire::STORED), if written.is_cached() { "1" } else { "0" }),
    ];
    let version = written.into_value().map_or(0, |value| value.version);
    (fields, committed(version)).into_response()
}
