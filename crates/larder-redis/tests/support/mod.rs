//! Helpers that the tests of this crate share.

#![allow(dead_code)] // Each test file uses some of these.
#![allow(clippy::unwrap_used, clippy::panic)] // These are test helpers.

pub(crate) mod cluster;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::last_appends::LastAppends;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::{Event, Mode, Tag};
use larder_core::store::{InvalidationLog, SharedTier};
use larder_core::stored::wire;
use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::RedisServer;

/// Keys of the log in the default namespace.
pub(crate) const EVENTS: &str = "larder:{larder:log}:events";
pub(crate) const RECORD: &str = "larder:{larder:log}:incarnation";

/// Returns the events of a page, in order.
pub(crate) fn events(page: &LogPage) -> Vec<Event> {
    page.entries.iter().flat_map(|(_, events)| events.clone()).collect()
}

/// Returns settings for tests that are not about time: a slow machine fails no command.
pub(crate) fn patient(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).command_timeout(Duration::from_secs(10))
}

/// Returns settings with a short time limit, for tests that exceed it.
///
/// It is not so short that a slow machine exceeds it by itself.
pub(crate) fn brief(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).command_timeout(Duration::from_millis(300))
}

/// Returns a connected store.
pub(crate) async fn store(server: &RedisServer) -> RedisStore {
    joined(patient(&server.url())).await
}

/// Returns a store with these settings, once all its connections reach the server.
pub(crate) async fn joined(builder: RedisStoreBuilder) -> RedisStore {
    let store = builder.connect().unwrap();
    reachable(&store).await;
    store
}

/// Waits until the server answers on all of the store's connections, even with a rejection.
pub(crate) async fn reachable(store: &RedisStore) {
    use larder_core::store::StoreErrorKind::Refused;
    let refused = |error: larder_core::store::StoreError| error.kind() == Refused;
    eventually("the store reaches Redis", async || {
        store.get("{any}").await.map_or_else(refused, |_| true)
            && store.poll(start()).await.map_or_else(refused, |_| true)
            && store.wait_for_news(start(), Duration::from_millis(1)).await.map_or_else(refused, |()| true)
    })
    .await;
}

/// Waits until the condition holds. The time limit only makes a failing test end.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let limit = Duration::from_secs(20);
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"));
}

/// Starts a primary, and a replica that is in sync with it.
pub(crate) async fn primary_and_replica() -> (RedisServer, RedisServer) {
    let primary = RedisServer::builder().config("repl-diskless-sync-delay 0").start().await.unwrap();
    let replica = RedisServer::builder().replica_of(&primary).start().await.unwrap();
    eventually("the replica is in step", async || {
        let state = primary.command(&["INFO", "replication"]).await.unwrap();
        state.as_str().unwrap().contains("state=online")
    })
    .await;
    (primary, replica)
}

/// Returns the number of client connections that the server sees.
pub(crate) async fn clients(server: &RedisServer) -> usize {
    let list = server.command(&["CLIENT", "LIST"]).await.unwrap();
    // The connection of this command is one of them.
    list.as_str().unwrap().lines().count() - 1
}

/// Returns the cursor of a reader that knows nothing of the log.
pub(crate) fn start() -> Cursor {
    let (incarnation, after) = (Incarnation::from_bytes([0; 16]), LogId::ZERO);
    let appends = LastAppends::default();
    Cursor { incarnation, after, broken: false, capacity: usize::MAX, replaying: true, appends }
}

/// Returns the cursor of a reader that has applied this answer.
pub(crate) fn after(look: &LogPage) -> Cursor {
    Cursor { incarnation: look.incarnation, after: look.last, replaying: false, ..start() }
}

pub(crate) fn event(tag: &str) -> Event {
    Event { mode: Mode::Hard, selector: Tag::new(tag).into() }
}

/// Returns the shortest value in the real wire format that has this position.
pub(crate) fn value(incarnation: u8, millis: u64, key: &str) -> Bytes {
    let position = Position {
        incarnation: Incarnation::from_bytes([incarnation; 16]),
        watermark: Watermark { log: LogId::new(millis, 0), local: 0 },
    };
    wire::encode_variants(&[], key, &position)
}
