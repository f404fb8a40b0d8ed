//! A cluster with a node in trouble.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // Also in what helps the tests.

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use larder_core::store::{Log, SharedTier, StoreErrorKind};
use larder_redis::RedisStore;
use support::cluster::{key_on, three_primaries};
use support::{brief, event, eventually, joined};

const HOUR: Duration = Duration::from_secs(3600);
const VALUE: Bytes = Bytes::from_static(b"x");

async fn kind(store: &RedisStore, key: &str) -> Option<StoreErrorKind> {
    store.get(key).await.err().map(|error| error.kind())
}

/// Promise 2, for each node by itself: what hangs costs three timeouts, and the others nothing.
#[tokio::test]
async fn a_hung_node_closes_no_other() {
    let nodes = three_primaries().await;
    let store = joined(brief(&format!("redis-cluster://{}", nodes[0].address()))).await;
    let mut keys = Vec::new();
    for number in 0..3 {
        keys.push(key_on(&nodes, number).await);
    }
    for key in &keys {
        eventually("it is stored", async || store.set(key, VALUE, HOUR).await.is_ok()).await;
    }
    let has_log = nodes[0].command(&["CLUSTER", "KEYSLOT", support::EVENTS]).await.unwrap();
    let larder_testing::Reply::Integer(slot_of_log) = has_log else { panic!("no number") };
    let hung = if slot_of_log / 5461 == 1 { 2 } else { 1 };

    nodes[hung].stop().unwrap();
    for _ in 0..3 {
        assert_eq!(kind(&store, &keys[hung]).await, Some(StoreErrorKind::Timeout));
    }
    assert_eq!(kind(&store, &keys[hung]).await, Some(StoreErrorKind::CircuitOpen));
    let (begun, mut waited) = (Instant::now(), 0);
    for _ in 0..300 {
        for (number, key) in keys.iter().enumerate() {
            match store.get(key).await {
                Ok(found) if number != hung => assert_eq!(found, Some(VALUE)),
                Err(error) if number == hung => match error.kind() {
                    StoreErrorKind::CircuitOpen => {}
                    StoreErrorKind::Timeout => waited += 1,
                    other => panic!("{other:?}"),
                },
                other => panic!("node {number}: {other:?}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pauses = begun.elapsed().as_millis() / 400;
    assert!(waited <= 1 + pauses, "{waited} calls waited in {pauses} pauses");
    store.append(&[event("x")]).await.unwrap();

    nodes[hung].cont().unwrap();
    eventually("it serves again", async || store.get(&keys[hung]).await.is_ok()).await;
    for key in &keys {
        assert_eq!(store.get(key).await.unwrap(), Some(VALUE));
    }
}
