//! Many values that are read at once, from real servers.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

mod support;

use std::time::Duration;

use bytes::Bytes;
use larder_core::store::{MAX_KEYS, SharedTier, StoreError, StoreErrorKind};
use larder_redis::RedisStore;
use larder_testing::{Direction, Proxy, RedisCluster, RedisServer};
use support::cluster::{key_on, three_primaries};
use support::{brief, eventually, joined, store, value};
use tokio::task::JoinSet;

const HOUR: Duration = Duration::from_secs(3600);
/// 100 Mbit/s.
const LINK: u64 = 100_000_000 / 8;

fn key(number: usize) -> String {
    format!("{{v|product|{number}}}")
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(key).collect()
}

fn expected(count: usize) -> Vec<Option<Bytes>> {
    (0..count).map(|number| (number % 3 != 0).then(|| number.to_string().into())).collect()
}

/// Stores values under the first keys. Every third does not exist.
async fn fill(store: &RedisStore, count: usize) {
    for number in (0..count).filter(|number| number % 3 != 0) {
        let stored = async || store.set(&key(number), number.to_string().into(), HOUR).await.is_ok();
        eventually("it is stored", stored).await;
    }
}

async fn get(store: &RedisStore, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    store.get_many(&keys).await
}

async fn kind(store: &RedisStore, keys: &[String]) -> Option<StoreErrorKind> {
    get(store, keys).await.err().map(|error| error.kind())
}

/// Returns how often the server has run this command.
async fn calls(server: &RedisServer, command: &str) -> usize {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let lines = stats.as_str().unwrap().lines();
    let calls = lines.filter_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls="))).next();
    calls.map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_hundred_values_are_one_command() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    fill(&store, 100).await;
    // The first read of a kind of values is in two rounds, because their size is unknown.
    assert_eq!(get(&store, &keys(100)).await.unwrap(), expected(100));
    let [gets, mgets] = [calls(&server, "get").await, calls(&server, "mget").await];
    assert_eq!(mgets, 4 + 1);
    assert_eq!(get(&store, &keys(100)).await.unwrap(), expected(100));
    assert_eq!([calls(&server, "get").await, calls(&server, "mget").await], [gets, mgets + 1]);
    // The order is that of the keys, and a key may occur twice.
    let twice = [key(4), key(2), key(3), key(4)];
    let values = get(&store, &twice).await.unwrap();
    assert_eq!(values, [Some("4".into()), Some("2".into()), None, Some("4".into())]);
}

#[tokio::test]
async fn very_many_values_are_a_few_commands_and_too_many_are_refused() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    fill(&store, 1000).await;
    assert_eq!(get(&store, &keys(100)).await.unwrap(), expected(100));
    let before = calls(&server, "mget").await;
    assert_eq!(get(&store, &keys(1000)).await.unwrap(), expected(1000));
    // The first 128 show that the values are small. The others go up to 512 at a time.
    assert_eq!(calls(&server, "mget").await, before + 3);
    assert_eq!(get(&store, &[]).await.unwrap(), []);
    assert_eq!(get(&store, &keys(MAX_KEYS)).await.unwrap().len(), MAX_KEYS);
    let before = calls(&server, "mget").await;
    assert_eq!(kind(&store, &keys(MAX_KEYS + 1)).await, Some(StoreErrorKind::Refused));
    assert_eq!(calls(&server, "mget").await, before);
}

#[tokio::test]
async fn a_key_of_another_type_has_no_value() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    fill(&store, 3).await;
    server.command(&["LPUSH", "larder:larder:v1:{v|product|0}", "x"]).await.unwrap();
    assert_eq!(get(&store, &keys(3)).await.unwrap(), expected(3));
}

#[tokio::test]
async fn values_of_a_cluster_come_from_all_slots() {
    let cluster = RedisCluster::start().await.unwrap();
    let store = joined(support::patient(&cluster.url())).await;
    fill(&store, 100).await;
    assert_eq!(get(&store, &keys(100)).await.unwrap(), expected(100));
    let (mut sum, mut used) = (0, 0);
    for node in cluster.nodes() {
        let calls = calls(node, "mget").await;
        (sum, used) = (sum + calls, used + usize::from(calls > 0));
    }
    assert_eq!((sum, used), (100, 3), "one command for each key");
    let large = large(1, 300_000);
    store.set(&key(0), large.clone(), HOUR).await.unwrap();
    let values = get(&store, &keys(1000)).await.unwrap();
    assert_eq!((&values[0], &values[1..100]), (&Some(large), &expected(100)[1..]));
}

/// Promise 2: a few bounded delays, then none. Reads of many values alone end it, too.
#[tokio::test]
async fn a_hung_server_costs_three_timeouts_and_then_nothing() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(brief(&server.url())).await;
    fill(&store, 10).await;
    server.pause().unwrap();
    for _ in 0..3 {
        assert_eq!(kind(&store, &keys(10)).await, Some(StoreErrorKind::Timeout));
    }
    assert_eq!(kind(&store, &keys(10)).await, Some(StoreErrorKind::CircuitOpen));
    server.resume().unwrap();
    eventually("it answers", async || kind(&store, &keys(10)).await.is_none()).await;
    assert_eq!(get(&store, &keys(10)).await.unwrap(), expected(10));
}

/// Each key of a node has a command. One of them is the probe that closes the circuit again.
#[tokio::test]
async fn a_hung_node_of_a_cluster_fails_the_reads_that_need_it() {
    let nodes = three_primaries().await;
    let url = format!("redis-cluster://{}", nodes[0].address());
    let store = joined(RedisStore::builder(&url).command_timeout(Duration::from_millis(500))).await;
    let mut on_node = Vec::new();
    for number in 0..3 {
        on_node.push(key_on(&nodes, number).await);
    }
    let others = [on_node[0].clone(), on_node[2].clone()];
    fill(&store, 30).await;
    nodes[1].pause().unwrap();
    for _ in 0..3 {
        assert_eq!(kind(&store, &keys(30)).await, Some(StoreErrorKind::Timeout));
    }
    assert_eq!(kind(&store, &keys(30)).await, Some(StoreErrorKind::CircuitOpen));
    assert_eq!(get(&store, &others).await.unwrap(), [None, None]);
    nodes[1].resume().unwrap();
    eventually("it answers", async || kind(&store, &keys(30)).await.is_none()).await;
    assert_eq!(get(&store, &keys(30)).await.unwrap(), expected(30));
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(brief(&server.url())).await;
    server.kill();
    let gone = Some(StoreErrorKind::Unreachable);
    eventually("its loss is noticed", async || kind(&store, &keys(3)).await == gone).await;
}

/// Returns a value of this size in the wire format.
fn large(millis: u64, size: usize) -> Bytes {
    let mut bytes = value(1, millis, "k")[..36].to_vec();
    bytes.resize(size, millis.to_le_bytes()[0]);
    bytes.extend_from_slice(&millis.to_le_bytes());
    bytes.into()
}

#[tokio::test]
async fn large_values_are_read_by_themselves() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    fill(&store, 12).await;
    for number in [0, 3, 6, 7, 9, 11] {
        let stored = async || store.set(&key(number), large(number as u64, 500_000), HOUR).await.is_ok();
        eventually("the large value is stored", stored).await;
    }
    server.command(&["DEL", "larder:larder:v1:{v|product|9}:body"]).await.unwrap();
    let mut expected = expected(12);
    for number in [0, 3, 6, 7, 11] {
        expected[number] = Some(large(number as u64, 500_000));
    }
    assert!(get(&store, &keys(12)).await.unwrap() == expected, "9 is a reference that leads nowhere");
}

/// Values that are not large by themselves may be so together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_take_long_together_are_read_in_rounds() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let slow =
        RedisStore::builder(&server.url_at(proxy.address())).command_timeout(Duration::from_millis(200));
    let store = joined(slow).await;
    let all = keys(80);
    for (number, key) in all.iter().enumerate() {
        store.set(key, large(number as u64, 100_000), HOUR).await.unwrap();
    }
    proxy.limit_bandwidth(Direction::ToClient, LINK);
    // Eight megabytes take 640 ms. All in one command would be too late.
    let values = get(&store, &all).await.unwrap();
    assert!((0..80).all(|number| values[number] == Some(large(number as u64, 100_000))));
    // Single lookups get their turn between the rounds.
    let many = store.clone();
    let mut reading = JoinSet::new();
    reading.spawn(async move { kind(&many, &all).await });
    let (mut found, mut was_transfer) = (0, false);
    let kind = loop {
        match reading.try_join_next() {
            Some(kind) => break kind.unwrap(),
            None => found += usize::from(store.get("{none}").await.is_ok()),
        }
        was_transfer |= store.is_transferring(&key(0));
    };
    assert_eq!(kind, None);
    assert!(found > 4, "{found} lookups were answered");
    assert!(was_transfer && !store.is_transferring(&key(0)), "it has a time limit of its own");
}
