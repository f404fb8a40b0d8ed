//! The live feed of invalidations, one JSON object a line.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use larder::Cache;
use larder::feed::{FeedItem, FeedStatus, InvalidationFeed};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::access::authorize::Reader;

/// After this time without an invalidation, an empty line shows that the feed is alive.
///
/// A client that has left without closing its connection is only noticed when something is sent.
/// The console takes a silence of 45 s for a loss.
const ALIVE: Duration = Duration::from_secs(15);

/// Ends the oldest feed of a client that has too many.
pub(super) async fn invalidations(State(cache): State<Cache>, Reader(client): Reader) -> Response {
    let lines = stream::unfold(cache.invalidations(), async |feed| next_line(feed).await);
    let lines = lines.take_until(client.feeds.open());
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

async fn next_line(mut feed: InvalidationFeed) -> Option<(Result<Bytes, Infallible>, InvalidationFeed)> {
    let line = match timeout(ALIVE, feed.next()).await {
        Ok(item) => format!("{}\n", item_json(&item?)),
        Err(_) => "\n".to_owned(),
    };
    Some((Ok(line.into()), feed))
}

fn item_json(item: &FeedItem) -> Value {
    match item {
        FeedItem::Invalidation(event) => json!({
            "event": "invalidation",
            "selector": event.selector,
            "is_soft": event.is_soft,
            "status": if event.status == FeedStatus::Deferred { "deferred" } else { "applied" },
            "log_id": event.log_id.map(|id| id.to_string()),
            "unix_millis": event.at.unix_millis(),
            "is_own": event.is_own,
        }),
        FeedItem::Missed(count) => json!({ "event": "missed", "count": count }),
        // Everything before it is refused.
        _ => json!({ "event": "log-reset" }),
    }
}
