//! A cluster with a node in trouble.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use larder_core::store::{InvalidationLog, SharedTier, StoreErrorKind};
use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::RedisServer;
use support::cluster::{key_on, namespace_on, replica_of, three_primaries};
use support::{brief, clients, event, eventually, joined};

const HOUR: Duration = Duration::from_secs(3600);
/// The number of connections of a store to each primary.
const CONNECTIONS: usize = 4;
const VALUE: Bytes = Bytes::from_static(b"x");

async fn kind(store: &RedisStore, key: &str) -> Option<StoreErrorKind> {
    store.get(key).await.err().map(|error| error.kind())
}

/// Returns settings whose limits no healthy node exceeds, however slow the machine is.
fn unhurried(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).command_timeout(Duration::from_secs(2))
}

/// Returns how many connections each node except `hung` has ever received.
async fn connections(nodes: &[RedisServer; 3], hung: usize) -> [u64; 2] {
    let mut counts = [0; 2];
    for (count, next) in counts.iter_mut().zip(1..) {
        let stats = nodes[(hung + next) % 3].command(&["INFO", "stats"]).await.unwrap();
        let lines = stats.as_str().unwrap().lines();
        let count_of = |line: &str| line.strip_prefix("total_connections_received:")?.trim().parse().ok();
        *count = lines.filter_map(count_of).next().unwrap();
    }
    counts
}

/// Promise 2, for each node by itself: a hung node costs a few timeouts, the others nothing.
#[tokio::test]
async fn a_hung_node_closes_no_other() {
    let nodes = three_primaries().await;
    // A client that reconnects tries the lowest address first. So here a reconnection would make
    // the other nodes wait for the hung one.
    let hung = (0..3).min_by_key(|number| nodes[*number].address().port()).unwrap();
    let namespace = namespace_on(&nodes, (hung + 1) % 3).await;
    let url = format!("redis-cluster://{}", nodes[0].address());
    let store = joined(unhurried(&url).namespace(namespace)).await;
    let mut keys = Vec::new();
    for number in 0..3 {
        keys.push(key_on(&nodes, number).await);
    }
    for key in &keys {
        eventually("it is stored", async || store.set(key, VALUE, HOUR).await.is_ok()).await;
    }
    for node in &nodes {
        eventually("all connections are open", async || clients(node).await >= CONNECTIONS).await;
    }
    let before = connections(&nodes, hung).await;
    nodes[hung].pause().unwrap();
    for _ in 0..3 {
        assert_eq!(kind(&store, &keys[hung]).await, Some(StoreErrorKind::Timeout));
    }
    assert_eq!(kind(&store, &keys[hung]).await, Some(StoreErrorKind::CircuitOpen));
    let (begun, mut waited) = (Instant::now(), 0);
    while waited < 3 {
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
    assert!(waited <= 3 + pauses, "{waited} calls waited in {pauses} pauses");
    store.append(&[event("x")]).await.unwrap();
    // One to each node, for this question itself.
    assert_eq!(
        connections(&nodes, hung).await,
        before.map(|count| count + 1),
        "healthy ones were left alone"
    );

    nodes[hung].resume().unwrap();
    eventually("it serves again", async || store.get(&keys[hung]).await.is_ok()).await;
    for key in &keys {
        assert_eq!(store.get(key).await.unwrap(), Some(VALUE));
    }
}

/// A node that hangs sends no redirection to its successor.
#[tokio::test]
async fn a_hung_node_is_left_for_its_successor() {
    let nodes = three_primaries().await;
    let namespace = namespace_on(&nodes, 0).await;
    let key = key_on(&nodes, 1).await;
    let replica = replica_of(&nodes, 1).await;
    let url = format!("redis-cluster://{}", nodes[0].address());
    let store = joined(brief(&url).namespace(namespace)).await;
    eventually("it is stored", async || store.set(&key, VALUE, HOUR).await.is_ok()).await;

    nodes[1].pause().unwrap();
    for _ in 0..3 {
        assert_eq!(kind(&store, &key).await, Some(StoreErrorKind::Timeout));
    }
    // Without this command, it would wait until the others agree that the primary is gone.
    replica.command(&["CLUSTER", "FAILOVER", "TAKEOVER"]).await.unwrap();
    eventually("its keys are answered again", async || store.get(&key).await.is_ok()).await;
    store.set(&key, VALUE, HOUR).await.unwrap();
    nodes[1].resume().unwrap();
}
