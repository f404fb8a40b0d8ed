//! The handler that writes a queued value, or pushes an operation.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode};
use larder::values::{WriteError, WriteErrorKind};
use larder::write_queue::WriteId;
use tokio::time::sleep;

use super::App;
use super::broken::Rule;
use super::collections::Version;
use super::queued::QueuedCollections;
use crate::history::Acceptance;
use crate::item::{Family, Item};
use crate::wire;

/// How often a write whose effect is unknown is sent again.
const RETRIES: u32 = 3;

/// Writes the value that the request names by its number.
///
/// Every second write is sent again while its effect is unknown. One in eight is dropped at some
/// moment, and may still take effect.
pub(super) async fn write_queued(app: &App, item: Item, headers: &HeaderMap) -> Result<Response, StatusCode> {
    let collections = app.queued.clone().ok_or(StatusCode::NOT_FOUND)?;
    let number = wire::number(headers, wire::VERSION).ok_or(StatusCode::BAD_REQUEST)?;
    let write = QueuedWrite { collections, item, number };
    let acceptance = match number % 8 {
        _ if app.breaks == Some(Rule::AcknowledgesEarly) => write.in_background(),
        0 => write.dropped().await?,
        1 | 3 | 5 | 7 => write.repeated().await?,
        _ => acceptance(&write.once().await)?,
    };
    let acceptance = [(HeaderName::from_static(wire::ACCEPTANCE), acceptance.as_str())];
    Ok((StatusCode::NO_CONTENT, acceptance).into_response())
}

struct QueuedWrite {
    collections: QueuedCollections,
    item: Item,
    number: u64,
}

impl QueuedWrite {
    fn value(&self) -> Version {
        Version { item: self.item.to_string(), version: self.number, run: None }
    }

    async fn once(&self) -> Result<(), WriteError> {
        let Item { family, id } = self.item;
        match family {
            Family::Operations => self.collections.operations.push(&id, &self.number).await,
            _ => self.collections.values.write(&id, self.value()).await,
        }
    }

    async fn again(&self, write: WriteId) -> Result<(), WriteError> {
        let Item { family, id } = self.item;
        match family {
            Family::Operations => self.collections.operations.push_with_id(write, &id, &self.number).await,
            _ => self.collections.values.write_with_id(write, &id, self.value()).await,
        }
    }

    async fn repeated(&self) -> Result<Acceptance, StatusCode> {
        let mut written = self.once().await;
        for _ in 0..RETRIES {
            let Some(id) = written.as_ref().err().and_then(WriteError::id) else { break };
            sleep(Duration::from_millis(fastrand::u64(..200))).await;
            // A refusal speaks for the last attempt only.
            match self.again(id).await {
                Err(error) if error.id().is_none() => {}
                again => written = again,
            }
        }
        acceptance(&written)
    }

    async fn dropped(&self) -> Result<Acceptance, StatusCode> {
        tokio::select! {
            written = self.once() => acceptance(&written),
            () = sleep(Duration::from_micros(fastrand::u64(..3_000))) => Ok(Acceptance::Dropped),
        }
    }

    /// A planted mistake: the write is acknowledged before it is in the queue.
    fn in_background(self) -> Acceptance {
        tokio::spawn(async move { self.once().await });
        Acceptance::Acknowledged
    }
}

fn acceptance(written: &Result<(), WriteError>) -> Result<Acceptance, StatusCode> {
    match written.as_ref().map_err(WriteError::kind) {
        Ok(()) => Ok(Acceptance::Acknowledged),
        Err(WriteErrorKind::NotQueued) => Ok(Acceptance::NotQueued),
        Err(WriteErrorKind::Full) => Ok(Acceptance::Full),
        Err(WriteErrorKind::NotDurable) => Ok(Acceptance::NotDurable),
        Err(WriteErrorKind::Unknown) => Ok(Acceptance::Unknown),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
