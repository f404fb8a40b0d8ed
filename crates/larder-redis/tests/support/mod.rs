//! What the tests of this crate share.

#![allow(dead_code)] // Each test file uses its part.
#![allow(clippy::unwrap_used, clippy::panic)] // A test ends here, though clippy does not see that these are tests.

pub(crate) mod cluster;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use larder_core::log::position::{Incarnation, LogId, Mark, Position};
use larder_core::log::selector::{Event, Mode, Tag};
use larder_core::store::Look;
use larder_core::store::{Cursor, Log, SharedTier};
use larder_core::stored::wire;
use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::RedisServer;

/// The keys of the log in the default namespace.
pub(crate) const EVENTS: &str = "larder:{larder:log}:events";
pub(crate) const RECORD: &str = "larder:{larder:log}:incarnation";

/// Settings for tests that are not about time: a slow machine fails no command.
pub(crate) fn patient(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).command_timeout(Duration::from_secs(10))
}

/// Settings for tests that run into the time limit: short, but not so short that a slow machine does so by itself.
pub(crate) fn brief(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).command_timeout(Duration::from_millis(300))
}

/// A store that is connected.
pub(crate) async fn store(server: &RedisServer) -> RedisStore {
    joined(patient(&server.url())).await
}

/// A store from these settings, once all that it does reaches the server.
pub(crate) async fn joined(builder: RedisStoreBuilder) -> RedisStore {
    let store = builder.connect().unwrap();
    reachable(&store).await;
    store
}

/// Waits until the server answers on all of the store's connections, be it with a refusal.
pub(crate) async fn reachable(store: &RedisStore) {
    use larder_core::store::StoreErrorKind::Refused;
    let refused = |error: larder_core::store::StoreError| error.kind() == Refused;
    eventually("the store reaches Redis", async || {
        store.get("{any}").await.map_or_else(refused, |_| true)
            && store.look(start()).await.map_or_else(refused, |_| true)
            && store.alarm(start(), Duration::from_millis(1)).await.map_or_else(refused, |()| true)
    })
    .await;
}

/// Waits until it is so. The limit is only there so that a failure ends.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let limit = Duration::from_secs(20);
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"));
}

/// The connections of its clients, as the server sees them.
pub(crate) async fn clients(server: &RedisServer) -> usize {
    let list = server.command(&["CLIENT", "LIST"]).await.unwrap();
    // The one that asks is one of them.
    list.as_str().unwrap().lines().count() - 1
}

/// Where someone begins who knows nothing of the log.
pub(crate) fn start() -> Cursor {
    let (incarnation, after) = (Incarnation::from_bytes([0; 16]), LogId::ZERO);
    Cursor { incarnation, after, broken: false, remembers: usize::MAX }
}

/// Where someone goes on who took in this look.
pub(crate) fn after(look: &Look) -> Cursor {
    Cursor { incarnation: look.incarnation, after: look.last, ..start() }
}

pub(crate) fn event(tag: &str) -> Event {
    Event { mode: Mode::Hard, selector: Tag::new(tag).into() }
}

/// A value of this position, in the real wire form; the shortest that has one.
pub(crate) fn value(incarnation: u8, millis: u64, key: &str) -> Bytes {
    let position = Position {
        incarnation: Incarnation::from_bytes([incarnation; 16]),
        mark: Mark { log: LogId::new(millis, 0), local: 0 },
    };
    wire::encode_variants(&[], key, &position)
}
