//! A server that is unreachable, hangs, or comes back.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use larder_core::store::{InvalidationLog, SharedTier, StoreErrorKind};
use larder_redis::RedisStore;
use larder_testing::{Proxy, RedisServer};
use support::{brief, clients, event, eventually, joined, patient, reachable, start};

const KEY: &str = "{u|/a}";
const HOUR: Duration = Duration::from_secs(3600);

async fn kind(store: &RedisStore) -> Option<StoreErrorKind> {
    store.get(KEY).await.err().map(|error| error.kind())
}

#[tokio::test]
async fn a_store_begins_without_redis_and_joins_when_it_can() {
    let server = RedisServer::start().await.unwrap();
    server.kill();
    let store = patient(&server.url()).connect().unwrap();
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Unreachable));
    for error in [
        store.poll(start()).await.unwrap_err(),
        store.wait_for_news(start(), HOUR).await.unwrap_err(),
        store.append(&[event("x")]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    }
    server.restart().await.unwrap();
    reachable(&store).await;
    store.set(KEY, Bytes::from_static(b"x"), HOUR).await.unwrap();
}

#[tokio::test]
async fn a_killed_server_is_joined_again() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(patient(&server.url())).await;
    let before = store.poll(start()).await.unwrap();
    server.kill();
    eventually("its loss is noticed", async || kind(&store).await == Some(StoreErrorKind::Unreachable)).await;
    server.restart().await.unwrap();
    reachable(&store).await;
    let look = store.poll(start()).await.unwrap();
    assert_ne!(look.incarnation, before.incarnation);
}

/// Promise 2: three bounded delays, then none.
#[tokio::test]
async fn a_hung_server_costs_three_timeouts_and_then_nothing() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(brief(&server.url())).await;
    store.set(KEY, Bytes::from_static(b"x"), HOUR).await.unwrap();
    server.pause().unwrap();
    for _ in 0..3 {
        assert_eq!(kind(&store).await, Some(StoreErrorKind::Timeout));
    }
    assert_eq!(kind(&store).await, Some(StoreErrorKind::CircuitOpen));
    let append = store.append(&[event("x")]).await.unwrap_err();
    assert_eq!(append.kind(), StoreErrorKind::CircuitOpen);

    // From now on, at most the probe waits. All other calls fail at once, with one error or the
    // other.
    let (begun, mut waited) = (Instant::now(), 0);
    for _ in 0..200 {
        match kind(&store).await {
            Some(StoreErrorKind::CircuitOpen | StoreErrorKind::Unreachable) => {}
            Some(StoreErrorKind::Timeout) => waited += 1,
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The pauses are 100, 200 and then 400 ms long.
    let pauses = begun.elapsed().as_millis() / 400;
    assert!(waited <= 3 + pauses, "{waited} calls waited in {pauses} pauses");

    server.resume().unwrap();
    eventually("it serves again", async || store.get(KEY).await.is_ok()).await;
    assert_eq!(store.get(KEY).await.unwrap().as_deref(), Some(&b"x"[..]));
    reachable(&store).await;
}

#[tokio::test]
async fn many_callers_at_once_wait_as_long_as_one() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(brief(&server.url())).await;
    server.pause().unwrap();
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut waited = 0;
                while kind(&store).await == Some(StoreErrorKind::Timeout) {
                    waited += 1;
                }
                waited
            })
        })
        .collect();
    for caller in callers {
        let waited = caller.await.unwrap();
        assert!((1..=4).contains(&waited), "one caller waited {waited} times");
    }
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_survived() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(brief(&server.url_at(proxy.address()))).await;
    proxy.blackhole();
    let alarm = store.wait_for_news(start(), Duration::from_millis(1)).await.unwrap_err();
    assert_eq!(alarm.kind(), StoreErrorKind::Timeout);
    assert!(store.poll(start()).await.is_err());
    for _ in 0..3 {
        assert_eq!(kind(&store).await, Some(StoreErrorKind::Timeout));
    }
    assert_ne!(kind(&store).await, Some(StoreErrorKind::Timeout));
    proxy.pass();
    reachable(&store).await;
}

/// When such a peer is back, earlier commands are in the way, or the connection is dead.
#[tokio::test]
async fn a_connection_that_hangs_is_given_up_for_a_new_one() {
    let server = RedisServer::start().await.unwrap();
    for hanging in ["alarm", "look", "get"] {
        let proxy = Proxy::start(server.address()).unwrap();
        let store = joined(brief(&server.url_at(proxy.address()))).await;
        let before = proxy.connections();
        proxy.blackhole();
        match hanging {
            "alarm" => drop(store.wait_for_news(start(), Duration::from_millis(1)).await.unwrap_err()),
            "look" => drop(store.poll(start()).await.unwrap_err()),
            _ => {
                // A probe has to fail as well: when the circuit opens, Redis may only be slow.
                let mut waited = 0;
                while waited < 4 {
                    waited += usize::from(kind(&store).await == Some(StoreErrorKind::Timeout));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
        eventually(hanging, async || proxy.connections() > before).await;
    }
}

#[tokio::test]
async fn cut_connections_are_made_again() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    proxy.cut().await;
    reachable(&store).await;
    eventually("all connections are up", async || proxy.open_connections() == 4).await;
}

/// The address of a primary may lead to another server by now.
#[tokio::test]
async fn a_server_that_became_a_replica_is_left() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    let before = proxy.connections();
    server.command(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap();
    let error = store.poll(start()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    eventually("it connects again", async || proxy.connections() > before).await;
    server.command(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
    reachable(&store).await;
    eventually("it looks again", async || store.poll(start()).await.is_ok()).await;
}

/// A primary that is cut off from its replicas may have a successor.
///
/// Only a new connection would lead to the successor.
#[tokio::test]
async fn a_server_that_needs_replicas_is_rediscovered_on_every_connection() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    let before = proxy.connections();
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await.unwrap();
    let error = store.poll(start()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("NOREPLICAS"), "{error}");
    eventually("all connect again", async || proxy.connections() >= before + 4).await;
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await.unwrap();
    reachable(&store).await;
}

#[tokio::test]
async fn garbage_on_the_line_is_an_error_and_no_more() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(brief(&server.url_at(proxy.address()))).await;
    store.set(KEY, Bytes::from_static(b"x"), HOUR).await.unwrap();
    proxy.corrupt(larder_testing::Direction::ToClient);
    assert!(store.get(KEY).await.is_err());
    assert!(store.poll(start()).await.is_err());
    proxy.pass();
    reachable(&store).await;
    eventually("it serves again", async || store.get(KEY).await.is_ok()).await;
}

/// fred keeps the connections of clients that are only dropped.
#[tokio::test]
async fn the_last_clone_takes_everything_with_it() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let before = tasks();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    let clone = store.clone();
    drop(store);
    clone.get(KEY).await.unwrap();
    eventually("all connections are up", async || proxy.open_connections() == 4).await;
    drop(clone);
    eventually("no connection is left", async || proxy.open_connections() == 0).await;
    eventually("no task is left", async || tasks() <= before).await;
}

#[tokio::test]
async fn a_store_that_never_connected_ends_too() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let server = RedisServer::start().await.unwrap();
    server.kill();
    let store = patient(&server.url()).connect().unwrap();
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Unreachable));
    drop(store);
    eventually("no task is left", async || tasks() <= before).await;
}

#[tokio::test]
async fn closing_ends_the_connections_of_all_clones() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let server = RedisServer::start().await.unwrap();
    let before = tasks();
    let store = joined(patient(&server.url())).await;
    let clone = store.clone();
    eventually("all connections are up", async || clients(&server).await == 4).await;
    store.close().await;
    eventually("the server has seen it", async || clients(&server).await == 0).await;
    eventually("no task is left", async || tasks() <= before).await;
    // Calls now fail, and at once: their time limit is ten seconds.
    let asked = Instant::now();
    assert_eq!(kind(&clone).await, Some(StoreErrorKind::Unreachable));
    assert_eq!(clone.poll(start()).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert_eq!(clone.wait_for_news(start(), HOUR).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert_eq!(clone.append(&[event("x")]).await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert!(asked.elapsed() < Duration::from_secs(10));
    clone.close().await;
    assert_eq!(clients(&server).await, 0, "none comes back");
}

#[tokio::test]
async fn closing_does_not_wait_for_a_server_that_hangs_or_is_away() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let server = RedisServer::start().await.unwrap();
    let before = tasks();
    for hangs in [true, false] {
        let store = joined(patient(&server.url())).await;
        if hangs {
            server.pause().unwrap();
        } else {
            server.kill();
            eventually("it has noticed", async || kind(&store).await.is_some()).await;
        }
        tokio::time::timeout(Duration::from_secs(10), store.close()).await.unwrap();
        eventually("no task is left", async || tasks() <= before).await;
        if hangs {
            server.resume().unwrap();
            eventually("the server has seen it", async || clients(&server).await == 0).await;
        }
    }
}

/// The clock stands still unless something waits for it.
#[tokio::test]
async fn closing_does_not_wait_for_a_connection_that_is_not_open_yet() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    // It takes connections and does not answer.
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = patient(&format!("redis://{}", server.local_addr().unwrap())).connect().unwrap();
    let _opening = server.accept().await.unwrap();
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    store.close().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    tokio::time::resume();
    eventually("no task is left", async || tasks() <= before).await;
}

/// A store in a `static` outlives the runtime of the test that used it first.
#[test]
fn a_store_that_outlives_its_runtime_moves_to_the_next() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let of_server = runtime();
    let server = of_server.block_on(RedisServer::start()).unwrap();
    let first = runtime();
    let store = first.block_on(async { joined(patient(&server.url())).await });
    drop(first);
    for value in [&b"x"[..], b"y"] {
        let next = runtime();
        next.block_on(async {
            reachable_after_poll(&store).await;
            eventually("it is stored", async || {
                store.set(KEY, Bytes::from_static(value), HOUR).await.is_ok()
            })
            .await;
            let found = many_lookups(&store).await;
            assert!(found.iter().all(|found| found.as_deref() == Some(value)));
        });
    }
    let last = runtime();
    last.block_on(async {
        reachable_after_poll(&store).await;
        store.close().await;
        assert!(store.poll(start()).await.is_err(), "a closed store does not come back");
    });
}

/// The task that follows the log polls first, on each runtime.
async fn reachable_after_poll(store: &RedisStore) {
    eventually("it polls", async || store.poll(start()).await.is_ok()).await;
    reachable(store).await;
}

/// Looks a key up so often at once that the lookups share commands.
async fn many_lookups(store: &RedisStore) -> Vec<Option<Bytes>> {
    let mut lookups = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let store = store.clone();
        lookups.spawn(async move { store.get(KEY).await.unwrap() });
    }
    lookups.join_all().await
}
