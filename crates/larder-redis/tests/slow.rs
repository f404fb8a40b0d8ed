//! A server, a network or a process that is slow, which is not dead.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use larder_core::store::{SharedTier, StoreErrorKind};
use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::{Direction, Proxy, RedisServer};
use support::{eventually, joined, reachable, value};
use tokio::task::JoinSet;

const KEY: &str = "{u|/a}";
const HOUR: Duration = Duration::from_secs(3600);

/// Looks keys up, 16 at a time, until the flag is set. Returns the kinds of errors that came.
async fn look_up_until(store: &RedisStore, stop: &Arc<AtomicBool>) -> Vec<StoreErrorKind> {
    let mut callers = JoinSet::new();
    for number in 0..16 {
        let (store, stop) = (store.clone(), Arc::clone(stop));
        callers.spawn(async move {
            let mut errors = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                errors.extend(store.get(&format!("{{u|/{number}}}")).await.err().map(|error| error.kind()));
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            errors
        });
    }
    callers.join_all().await.concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_of_redis_does_not_open_the_circuit() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined_behind(&proxy, &server).await;
    let before = proxy.connections();
    for pause in [40, 60, 100, 150, 200] {
        let stop = Arc::new(AtomicBool::new(false));
        let looking = tokio::spawn({
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            async move { look_up_until(&store, &stop).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let begun = Instant::now();
        proxy.blackhole();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        proxy.pass();
        let paused = begun.elapsed();
        // Only if this machine does not make the pause longer.
        let is_as_planned = paused < Duration::from_millis(pause + 30);
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.store(true, Ordering::Relaxed);
        let errors = looking.await.unwrap();
        if is_as_planned {
            assert!(!errors.contains(&StoreErrorKind::CircuitOpen), "{pause} ms: {errors:?}");
        }
        eventually("it answers", async || store.get(KEY).await.is_ok()).await;
    }
    assert_eq!(proxy.connections(), before, "no connection is replaced");
}

/// The number of connections of a store.
const CONNECTIONS: usize = 4;

/// Returns a store behind this proxy, once all its connections are open.
async fn joined_behind(proxy: &Proxy, server: &RedisServer) -> RedisStore {
    let store = joined(RedisStore::builder(&server.url_at(proxy.address()))).await;
    eventually("all connections are open", async || proxy.connections() >= CONNECTIONS).await;
    store
}

/// The first opening may be a mistake. A new connection would only take longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circuit_that_opens_for_once_keeps_its_connection() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined_behind(&proxy, &server).await;
    let before = proxy.connections();
    proxy.blackhole();
    eventually("the circuit is open", async || {
        store.get(KEY).await.is_err_and(|error| error.kind() == StoreErrorKind::CircuitOpen)
    })
    .await;
    proxy.pass();
    eventually("it answers", async || store.get(KEY).await.is_ok()).await;
    assert_eq!(proxy.connections(), before);
}

/// Stops the only thread of this process for 80 ms of every 100, as the quota of a container does.
#[tokio::test]
async fn a_process_that_does_not_get_the_cpu_takes_redis_for_alive() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined_behind(&proxy, &server).await;
    store.set(KEY, Bytes::from_static(b"x"), HOUR).await.unwrap();
    let before = proxy.connections();
    let stop = Arc::new(AtomicBool::new(false));
    let throttle = async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            std::thread::sleep(Duration::from_millis(80));
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (errors, ()) = tokio::join!(look_up_until(&store, &stop), throttle);
    assert_eq!(errors, []);
    assert_eq!(proxy.connections(), before);
}

/// Returns a value of this size in the wire format.
fn large(millis: u64, size: usize) -> Bytes {
    let head = value(1, millis, "k");
    let mut bytes = head[..36].to_vec();
    bytes.extend((0..).map(|number: u64| (number % 251) as u8).take(size));
    bytes.extend_from_slice(&millis.to_le_bytes());
    bytes.into()
}

/// Returns settings with a limit that a busy machine keeps, and that eight megabytes exceed.
fn unhurried(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url).command_timeout(Duration::from_millis(200))
}

/// Waits until the connection for large values is up.
async fn reachable_for_large_values(store: &RedisStore) {
    eventually("a large value is stored", async || store.set("{l}", large(1, 200_000), HOUR).await.is_ok())
        .await;
    store.remove("{l}").await.unwrap();
}

const LINK: u64 = 100_000_000 / 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_values_do_not_wait_for_large_ones() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(unhurried(&server.url_at(proxy.address()))).await;
    reachable_for_large_values(&store).await;
    for number in 0..8 {
        store.set(&format!("{{u|/large/{number}}}"), large(1, 1_000_000), HOUR).await.unwrap();
    }
    store.set(KEY, value(1, 1, "small"), HOUR).await.unwrap();
    proxy.limit_bandwidth(Direction::ToClient, LINK);
    let mut transfers = JoinSet::new();
    for number in 0..8 {
        let store = store.clone();
        transfers.spawn(async move { store.get(&format!("{{u|/large/{number}}}")).await });
    }
    let (mut found, mut failed) = (0, 0);
    while !transfers.is_empty() {
        match store.get(KEY).await {
            Ok(value) => {
                assert_eq!(value, Some(support::value(1, 1, "small")));
                found += 1;
            }
            Err(_) => failed += 1,
        }
        while let Some(transfer) = transfers.try_join_next() {
            assert_eq!(transfer.unwrap().unwrap(), Some(large(1, 1_000_000)));
        }
    }
    // Eight megabytes take 640 ms. Behind all of them, only the last lookup would get its value.
    assert!(found > 8 && found > 4 * failed, "{found} lookups found it, {failed} failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_forty_megabytes_is_written_and_read_back() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined_behind(&proxy, &server).await;
    proxy.limit_bandwidth(Direction::ToClient, 4 * LINK);
    reachable_for_large_values(&store).await;
    let body = large(1, 40_000_000);
    store.set(KEY, body.clone(), HOUR).await.unwrap();
    assert!(store.get(KEY).await.unwrap() == Some(body));
    store.remove(KEY).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), None);
    let left = server.command(&["DBSIZE"]).await.unwrap();
    reachable(&store).await;
    assert!(matches!(left, larder_testing::Reply::Integer(0..=4)), "only the log is left: {left:?}");
}

#[tokio::test]
async fn a_large_value_and_its_reference_are_one() {
    let server = RedisServer::start().await.unwrap();
    let store = support::store(&server).await;
    reachable_for_large_values(&store).await;
    let body = |name: &str| format!("larder:larder:v1:{name}:body");
    let exists = async |name: String| {
        matches!(server.command(&["EXISTS", &name]).await.unwrap(), larder_testing::Reply::Integer(1))
    };
    store.set(KEY, large(5, 500_000), HOUR).await.unwrap();
    assert!(exists(body(KEY)).await);
    // Rule 16 holds for references: a lower position does not replace the value.
    store.set(KEY, value(1, 4, "lower"), HOUR).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), Some(large(5, 500_000)));
    // A small value that replaces it takes the large one away.
    store.set(KEY, value(1, 6, "higher"), HOUR).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), Some(value(1, 6, "higher")));
    assert!(!exists(body(KEY)).await);
    // A reference that leads nowhere is a miss, and is gone.
    store.set(KEY, large(7, 500_000), HOUR).await.unwrap();
    server.command(&["DEL", &body(KEY)]).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), None);
    assert!(!exists(format!("larder:larder:v1:{KEY}")).await);
}
