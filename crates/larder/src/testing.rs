//! What unit tests make stored responses from.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use larder_core::http::freshness::Lifetime;
use larder_core::http::vary;
use larder_core::log::names::Names;
use larder_core::log::position::{Incarnation, LogId, Mark, Position};
use larder_core::log::selector::Tag;
use larder_core::stored::{Flags, Meta, StoredResponse};
use larder_core::time::{Boot, Wall};

use crate::http::memory::cached_response::CachedResponse;

pub(crate) const INCARNATION: Incarnation = Incarnation::from_bytes([7; 16]);

/// The moment that all of these are stored at, and some time after.
pub(crate) fn now() -> Boot {
    Boot::ZERO.saturating_add(Duration::from_secs(1_000_000))
}

pub(crate) fn after(time: Duration) -> Boot {
    now().saturating_add(time)
}

/// A place in the log of [`INCARNATION`].
pub(crate) fn position(log: u64, local: u64) -> Position {
    Position { incarnation: INCARNATION, mark: Mark { log: LogId::new(log, 0), local } }
}

/// A response that is fresh for a minute, has the tag `t`, and was filled from the log's start.
pub(crate) fn stored(key: &str, body: impl Into<Bytes>) -> StoredResponse {
    StoredResponse {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: body.into(),
        meta: Meta {
            key: key.into(),
            selecting: Box::default(),
            names: Names::new("/", &[key.into()], &[], &[Tag::new("t")]),
            position: position(0, 0),
            response_time: Wall::from_unix_millis(0),
            initial_age: Duration::ZERO,
            lifetime: Lifetime { fresh: Duration::from_secs(60), ..Lifetime::default() },
            cost: Duration::ZERO,
            flags: Flags::default(),
            part: None,
        },
    }
}

/// The same, filled by this process.
pub(crate) fn cached(key: &str, body: impl Into<Bytes>) -> Arc<CachedResponse> {
    Arc::new(CachedResponse::from_fill(stored(key, body), Some(now()), now()))
}

/// The same, as the answer to a request with these fields, on whose `names` it varies.
pub(crate) fn varying(key: &str, names: &[&'static str], request: &HeaderMap) -> Arc<CachedResponse> {
    let names: Vec<_> = names.iter().map(|name| HeaderName::from_static(name)).collect();
    let mut stored = stored(key, "");
    stored.meta.selecting = vary::selecting(&names, request);
    Arc::new(CachedResponse::from_fill(stored, Some(now()), now()))
}

/// What this comes to, or a panic where it never ends. The limit is only there so that a failure ends.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), work).await {
        Ok(value) => value,
        Err(_) => panic!("still waiting"),
    }
}
