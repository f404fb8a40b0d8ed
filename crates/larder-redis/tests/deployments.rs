//! Other forms of deployment than one server on a TCP port. Their faults are tested elsewhere.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Also in what helps the tests.

mod support;

use std::time::Duration;

use bytes::Bytes;
use larder_core::lease::{Claim, Claimed, Holder, Leases, Left, Token};
use larder_core::log::position::{Mark, Position};
use larder_core::store::{Log, SharedTier};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use support::{after, event, eventually, joined, patient, start};

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
        let holder = Holder {
            token: Token::from_bytes([1; 16]),
            position: Position { incarnation, mark: Mark::ZERO },
        };
        let (awaited, life) = (Some(holder.token), Duration::from_secs(60));
        let claim = Claim { address: key, holder, life, seen: None, awaited, overtakes: false };
        assert_eq!(store.claim(claim).await.unwrap(), Claimed::Taken);
        assert!(store.extend(key, holder.token, life).await.unwrap());
        let word = Bytes::from_static(b"word");
        store.release(key, holder.token, Left::Word(word.clone(), Duration::from_millis(1))).await.unwrap();
        eventually("its word is gone", async || store.claim(claim).await.unwrap() == Claimed::Taken).await;
        let variant = format!("{key}:v:1");
        store.set_and_release(&variant, Bytes::new(), life, key, holder.token).await.unwrap();
        store.remove(&variant).await.unwrap();
    }
    let stats = store.stats().await.unwrap();
    assert!(stats.hits > 0);
}

const SLOT_OF_AA: &str = "1180";

#[tokio::test]
async fn a_cluster() {
    let node = async |lowest: &str, highest: &str| {
        let node = RedisServer::builder().config("cluster-enabled yes").start().await.unwrap();
        node.command(&["CLUSTER", "ADDSLOTSRANGE", lowest, highest]).await.unwrap();
        node
    };
    let (a, b) = (node("0", "8191").await, node("8192", "16383").await);
    let (host, port) = (b.address().ip().to_string(), b.address().port().to_string());
    a.command(&["CLUSTER", "MEET", &host, &port]).await.unwrap();
    for node in [&a, &b] {
        eventually("the cluster is up", async || {
            let info = node.command(&["CLUSTER", "INFO"]).await.unwrap();
            let text = info.as_str().unwrap();
            text.contains("cluster_state:ok") && text.contains("cluster_slots_ok:16384")
        })
        .await;
    }
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
