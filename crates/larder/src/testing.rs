//! Stored responses and moments for unit tests.

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

/// Returns the moment at which all of these responses are stored.
pub(crate) fn now() -> Boot {
    Boot::ZERO.saturating_add(Duration::from_secs(1_000_000))
}

/// Returns the moment that is `time` after [`now`].
pub(crate) fn after(time: Duration) -> Boot {
    now().saturating_add(time)
}

/// Returns a position in the log of [`INCARNATION`].
pub(crate) fn position(log: u64, local: u64) -> Position {
    Position { incarnation: INCARNATION, mark: Mark { log: LogId::new(log, 0), local } }
}

/// Returns a response that is fresh for a minute, has the tag `t` and the log's first position.
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

/// Returns the same response, filled by this process.
pub(crate) fn cached(key: &str, body: impl Into<Bytes>) -> Arc<CachedResponse> {
    Arc::new(CachedResponse::from_fill(stored(key, body), Some(now()), now()))
}

/// Returns the response to a request with these fields. It varies on `names`.
pub(crate) fn varying(key: &str, names: &[&'static str], request: &HeaderMap) -> Arc<CachedResponse> {
    let names: Vec<_> = names.iter().map(|name| HeaderName::from_static(name)).collect();
    let mut stored = stored(key, "");
    stored.meta.selecting = vary::selecting(&names, request);
    Arc::new(CachedResponse::from_fill(stored, Some(now()), now()))
}

/// Returns the output of `work`, and panics if there is none within 20 seconds.
///
/// The limit is only there so that a failing test ends.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), work).await {
        Ok(value) => value,
        Err(_) => panic!("still waiting"),
    }
}
