//! An instance without the feature `compress`, in a fleet that compresses.
#![cfg(all(unix, not(feature = "compress")))]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::Duration;

use larder_core::store::SharedTier;
use larder_core::stored::wire::{self, WireErrorKind};
use larder_redis::RedisStore;
use larder_testing::{RedisServer, Reply};
use support::{store, value};

const HOUR: Duration = Duration::from_secs(3600);
const KEY: &str = "{u|/a}";
const NAME: &str = "larder:larder:v1:{u|/a}";

/// A value at millisecond 5 of this incarnation, as an instance with the feature stores it: a
/// response whose frame this instance does not look at.
fn compressed(incarnation: u8) -> Vec<u8> {
    let mut stored = value(incarnation, 5, "u|/a")[..36].to_vec();
    (stored[2], stored[3]) = (255, 1);
    stored.extend_from_slice(&[1, 1]);
    stored.extend_from_slice(&5_000_u64.to_le_bytes());
    stored.extend_from_slice(b"\x28\xb5\x2f\xfd a frame, and then a fingerprint");
    stored
}

async fn read(store: &RedisStore) -> WireErrorKind {
    let one = store.get(KEY).await.unwrap().unwrap();
    let many = store.get_many(&[KEY]).await.unwrap().pop().unwrap().unwrap();
    assert_eq!(one, many);
    wire::decode(one, "u|/a").unwrap_err().kind()
}

/// The cache reports it as unreadable, does not remove it, and runs the handler.
#[tokio::test]
async fn a_compressed_value_is_one_of_another_version() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    server.command(&[b"SET", NAME.as_bytes(), &compressed(1)]).await.unwrap();
    assert_eq!(read(&store).await, WireErrorKind::Version);
    // Rule 16 holds for it.
    store.set(KEY, value(1, 4, "u|/a"), HOUR).await.unwrap();
    assert_eq!(read(&store).await, WireErrorKind::Version);
    store.set(KEY, value(1, 6, "u|/a"), HOUR).await.unwrap();
    let stored = server.command(&["GET", NAME]).await.unwrap();
    assert!(matches!(stored, Reply::Bulk(bytes) if *bytes == value(1, 6, "u|/a")));
}
