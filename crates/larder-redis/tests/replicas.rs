//! Replicas that have to acknowledge an invalidation.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

mod support;

use std::time::Duration;

use larder_core::store::{InvalidationLog, StoreErrorKind};
use larder_redis::RedisStore;
use larder_testing::{RedisServer, Reply};
use support::{EVENTS, event, eventually, joined, patient, primary_and_replica, start, store};

const WITHIN: Duration = Duration::from_millis(500);

async fn entries(server: &RedisServer) -> i64 {
    let Reply::Integer(entries) = server.command(&["XLEN", EVENTS]).await.unwrap() else {
        panic!("no number")
    };
    entries
}

async fn waits(server: &RedisServer) -> bool {
    let commands = server.command(&["INFO", "commandstats"]).await.unwrap();
    commands.as_str().unwrap().contains("cmdstat_wait:")
}

#[tokio::test]
async fn an_append_counts_when_the_replica_has_it() {
    let (primary, replica) = primary_and_replica().await;
    let store = joined(patient(&primary.url()).wait_for_replicas(1, WITHIN)).await;
    // On a loaded machine, one append may take longer than that.
    eventually("a replica has it", async || store.append(&[event("a")]).await.is_ok()).await;
    eventually("all is well", async || store.ready().await.is_ok()).await;

    replica.pause().unwrap();
    let before = entries(&primary).await;
    let error = store.append(&[event("b")]).await.unwrap_err();
    eventually("instances are told all the same", async || entries(&primary).await == before + 1).await;
    // On a loaded machine, the answer may come after its time limit.
    if error.kind() != StoreErrorKind::Timeout {
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert!(error.to_string().contains("0 of the 1 replicas"), "{error}");
    }
    for _ in 0..2 {
        store.ready().await.unwrap_err();
    }
    assert_eq!(entries(&primary).await, before + 1, "asking whether it would work appends nothing");

    replica.resume().unwrap();
    eventually("the replica has caught up", async || store.ready().await.is_ok()).await;
    eventually("it has the next", async || store.append(&[event("b")]).await.is_ok()).await;
    eventually("both are alike", async || entries(&replica).await == entries(&primary).await).await;
}

/// A `WAIT` holds up every later command on its connection.
#[tokio::test]
async fn looks_do_not_wait_for_replicas() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(patient(&server.url()).wait_for_replicas(1, WITHIN)).await;
    reaches_it_for_appends(&store).await;
    // On a loaded machine, one poll may take longer than the wait.
    eventually("a look is answered while an append waits", async || {
        let appending = tokio::spawn({
            let store = store.clone();
            async move { store.append(&[event("a")]).await.unwrap_err().kind() }
        });
        eventually("the wait has begun", async || {
            let clients = server.command(&["INFO", "clients"]).await.unwrap();
            clients.as_str().unwrap().contains("blocked_clients:1") || appending.is_finished()
        })
        .await;
        let looked = store.poll(start()).await.is_ok();
        let in_time = looked && !appending.is_finished();
        appending.await.unwrap();
        in_time
    })
    .await;
}

/// Waits until the connection for appends, which is a separate one, reaches the server.
async fn reaches_it_for_appends(store: &RedisStore) {
    eventually("it reaches Redis for appends", async || match store.append(&[event("first")]).await {
        Ok(_) => true,
        Err(error) => error.kind() == StoreErrorKind::Refused,
    })
    .await;
}

#[tokio::test]
async fn by_default_nobody_waits() {
    let (primary, replica) = primary_and_replica().await;
    replica.pause().unwrap();
    let store = store(&primary).await;
    eventually("it is appended", async || store.append(&[event("a")]).await.is_ok()).await;
    store.ready().await.unwrap();
    assert!(!waits(&primary).await);
    let store = joined(patient(&primary.url()).wait_for_replicas(1, Duration::from_millis(1))).await;
    reaches_it_for_appends(&store).await;
    assert!(waits(&primary).await);
}
