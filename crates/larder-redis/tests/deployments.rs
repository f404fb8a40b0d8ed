//! Other forms of deployment than one server on a TCP port. Their faults are tested elsewhere.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Also in what helps the tests.

mod support;

use std::time::Duration;

use bytes::Bytes;
use larder_core::store::{Log, SharedTier};
use larder_redis::RedisStore;
#[cfg(feature = "unix-sockets")]
use larder_testing::RedisServer;
use support::cluster::cluster;
use support::{after, event, joined, patient, start};

/// All that a store does.
async fn works(store: &RedisStore) {
    let begun = store.look(start()).await.unwrap();
    let (incarnation, id) = store.append(&[event("x")]).await.unwrap();
    assert_eq!(incarnation, begun.incarnation);
    store.alarm(after(&begun), Duration::from_secs(60)).await.unwrap();
    assert_eq!(store.look(after(&begun)).await.unwrap().last, id);
    for key in ["{a}", "{b}", "{c}"] {
        let value = Bytes::from_static(b"x");
        store.set(key, value.clone(), Duration::from_secs(60)).await.unwrap();
        assert_eq!(store.get(key).await.unwrap(), Some(value));
        store.remove(key).await.unwrap();
    }
    let stats = store.stats().await.unwrap();
    assert!(stats.hits > 0);
}

const SLOT_OF_AA: &str = "1180";

#[tokio::test]
async fn a_cluster() {
    let [a, b] = cluster([(0, 8191), (8192, 16383)]).await;
    let store = joined(patient(&format!("redis-cluster://{}", a.address()))).await;
    works(&store).await;
    for node in [&a, &b] {
        let errors = node.command(&["INFO", "errorstats"]).await.unwrap();
        let errors = errors.as_str().unwrap();
        assert!(!errors.contains("MOVED"), "the wrong node was asked: {errors}");
    }

    // A slot moves, with nothing in it.
    let id = b.command(&["CLUSTER", "MYID"]).await.unwrap();
    for node in [&b, &a] {
        node.command(&["CLUSTER", "SETSLOT", SLOT_OF_AA, "NODE", id.as_str().unwrap()]).await.unwrap();
    }
    assert_eq!(store.get("{aa}").await.unwrap(), None);
    works(&store).await;
}

#[cfg(feature = "unix-sockets")]
#[tokio::test]
async fn a_unix_socket() {
    let server =
        RedisServer::builder().config("unixsocket redis.sock").password("secret").start().await.unwrap();
    let socket = server.directory().join("redis.sock");
    let store = joined(patient(&format!("redis+unix://:secret@any{}", socket.display()))).await;
    works(&store).await;
}
