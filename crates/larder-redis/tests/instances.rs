//! The list of instances, and the statistics of real servers.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::Duration;

use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::monitoring::{
    FORGET_AFTER, Instance, InstanceId, InstanceRecord, MAX_INSTANCES, MAX_RECORD_BYTES, Monitoring,
};
use larder_core::store::{InvalidationLog, StoreErrorKind};
use larder_core::time::WallTime;
use larder_redis::RedisStore;
use larder_testing::{RedisCluster, RedisServer};
use support::{brief, event, eventually, joined, patient, start, store};

const SIGHTS: &str = "larder:{larder:log}:sights";
const RECORDS: &str = "larder:{larder:log}:instances";

fn id(number: usize) -> InstanceId {
    InstanceId::from_bytes((number as u128).to_be_bytes())
}

/// Returns a record. The order of the numbers is that of the starts.
fn record(number: usize) -> InstanceRecord {
    let mut record = InstanceRecord::new(id(number));
    record.host = format!("host-{number}");
    record.started_at = WallTime::from_unix_millis(number as u64);
    record
}

/// Returns the ids of the listed instances.
async fn listed(store: &RedisStore) -> Vec<InstanceId> {
    store.instances().await.unwrap().iter().map(|instance| instance.record.id).collect()
}

async fn integer(server: &RedisServer, command: &[&str]) -> i64 {
    server.command(command).await.unwrap().as_integer().unwrap()
}

/// Moves the last sight of an instance by this many milliseconds.
async fn move_sight(server: &RedisServer, number: usize, millis: i64) {
    let millis = millis.to_string();
    server.command(&["ZINCRBY", SIGHTS, &millis, &id(number).to_string()]).await.unwrap();
}

fn forgotten() -> i64 {
    i64::try_from(FORGET_AFTER.as_millis()).unwrap() + 1
}

#[tokio::test]
async fn instances_see_each_other_until_they_withdraw() {
    let server = RedisServer::start().await.unwrap();
    let (a, b) = (store(&server).await, store(&server).await);
    assert_eq!(listed(&a).await, []);
    b.announce(&record(2)).await.unwrap();
    a.announce(&record(1)).await.unwrap();
    assert_eq!(listed(&a).await, [id(1), id(2)]);
    let found = b.instances().await.unwrap();
    assert_eq!(found[0].record, record(1));
    assert!(found[0].seen_ago < FORGET_AFTER, "{:?}", found[0].seen_ago);

    let changed = {
        let mut record = record(1);
        record.deferred = 7;
        record
    };
    a.announce(&changed).await.unwrap();
    assert_eq!(b.instances().await.unwrap()[0].record, changed);
    a.withdraw(id(1)).await.unwrap();
    a.withdraw(id(1)).await.unwrap();
    assert_eq!(listed(&b).await, [id(2)]);
    let other = joined(patient(&server.url()).namespace("other")).await;
    assert_eq!(listed(&other).await, [], "in another namespace");
}

#[tokio::test]
async fn an_instance_that_was_not_seen_for_a_minute_is_forgotten() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for number in 1..=4 {
        store.announce(&record(number)).await.unwrap();
    }
    move_sight(&server, 1, -forgotten()).await;
    // The clock of the server was set back by an hour after this one was seen.
    move_sight(&server, 2, 3_600_000).await;
    move_sight(&server, 3, -30_000).await;
    assert_eq!(listed(&store).await, [id(3), id(4)]);
    let seen_ago = store.instances().await.unwrap()[0].seen_ago;
    assert!(seen_ago >= Duration::from_secs(30), "{seen_ago:?}");

    assert_eq!(integer(&server, &["HLEN", RECORDS]).await, 4);
    store.announce(&record(4)).await.unwrap();
    assert_eq!(integer(&server, &["HLEN", RECORDS]).await, 2);
    assert_eq!(integer(&server, &["ZCARD", SIGHTS]).await, 2);
    for key in [SIGHTS, RECORDS] {
        let left = integer(&server, &["PTTL", key]).await;
        assert!((1..forgotten()).contains(&left), "{key} expires in {left} ms");
    }
}

#[tokio::test]
async fn the_number_of_instances_is_bounded() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for number in 1..=MAX_INSTANCES + 2 {
        store.announce(&record(number)).await.unwrap();
        // Some are announced within the same millisecond, and these have no order.
        move_sight(&server, number, i64::try_from(number).unwrap()).await;
    }
    let last = MAX_INSTANCES + 3;
    store.announce(&record(last)).await.unwrap();
    let found = listed(&store).await;
    assert_eq!(found.len(), MAX_INSTANCES);
    assert_eq!(integer(&server, &["HLEN", RECORDS]).await, i64::try_from(MAX_INSTANCES).unwrap());
    assert!(!found.contains(&id(1)) && found.contains(&id(last - 1)));
}

#[tokio::test]
async fn the_lag_is_the_age_of_the_first_event_that_was_not_read() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let begun = store.poll(start()).await.unwrap();
    let at = |incarnation, position| {
        let mut record = record(1);
        (record.incarnation, record.position) = (incarnation, position);
        record
    };
    let lag = async |record: InstanceRecord| {
        store.announce(&record).await.unwrap();
        store.instances().await.unwrap()[0].lag
    };
    let (_, last) = store.append(&[event("x")]).await.unwrap();
    // This event is an hour old.
    let old = LogId::new(last.millis - 3_600_000, 0);
    server.command(&["RENAME", support::EVENTS, "{larder:log}"]).await.unwrap();
    for id in [old, last] {
        server.command(&["XADD", support::EVENTS, &id.to_string(), "h", "t:x"]).await.unwrap();
    }
    assert_eq!(lag(at(begun.incarnation, last)).await, Some(Duration::ZERO));
    assert_eq!(lag(at(begun.incarnation, LogId::MAX)).await, None, "no position of the log");
    let hour = Duration::from_secs(3_600);
    let behind = lag(at(begun.incarnation, old.before())).await.unwrap();
    assert!((hour..2 * hour).contains(&behind), "{behind:?}");
    let behind = lag(at(begun.incarnation, old)).await.unwrap();
    assert!(behind < hour, "{behind:?}");
    assert_eq!(lag(at(Incarnation::from_bytes([9; 16]), last)).await, None, "another incarnation");
}

#[tokio::test]
async fn a_record_that_is_not_one_is_left_out() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for number in 1..=5 {
        store.announce(&record(number)).await.unwrap();
    }
    let set = async |number: usize, value: &[u8]| {
        let id = id(number).to_string();
        server.command(&[b"HSET", RECORDS.as_bytes(), id.as_bytes(), value]).await.unwrap();
    };
    set(1, b"0 poison").await;
    set(2, &[b"0 ", &record(5).encode()[..]].concat()).await;
    set(3, &vec![b'0'; MAX_RECORD_BYTES * 100]).await;
    server.command(&["HDEL", RECORDS, &id(4).to_string()]).await.unwrap();
    server.command(&["ZADD", SIGHTS, "NX", "1e12", "not an id"]).await.unwrap();
    assert_eq!(listed(&store).await, [id(5)]);
    store.announce(&record(1)).await.unwrap();
    assert_eq!(listed(&store).await, [id(1), id(5)]);
}

/// Another program wrote there, or one of the two keys was evicted.
#[tokio::test]
async fn a_list_that_is_broken_is_begun_again() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for key in [SIGHTS, RECORDS] {
        store.announce(&record(1)).await.unwrap();
        server.command(&["SET", key, "x"]).await.unwrap();
        let kind = store.instances().await.err().map(|error| error.kind());
        assert_eq!(kind, Some(StoreErrorKind::Refused), "{key}");
        store.announce(&record(2)).await.unwrap();
        assert_eq!(listed(&store).await, [id(2)], "{key}");
        server.command(&["DEL", key]).await.unwrap();
        assert_eq!(listed(&store).await, [], "{key}");
        store.announce(&record(3)).await.unwrap();
        assert_eq!(listed(&store).await, [id(3)], "{key}");
        server.command(&["DEL", SIGHTS, RECORDS]).await.unwrap();
    }
}

#[tokio::test]
async fn without_the_rights_the_list_is_refused_and_numbers_are_unknown() {
    let server = RedisServer::builder()
        .user("app on >secret ~larder:* +@all -zadd -memory|usage -xinfo")
        .start()
        .await
        .unwrap();
    let store = joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    store.append(&[event("x")]).await.unwrap();
    assert_eq!(store.announce(&record(1)).await.unwrap_err().kind(), StoreErrorKind::Refused);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.log_length, stats.log_bytes), (None, None));
    assert!(stats.memory_used.unwrap() > 0);
    server.command(&["ACL", "SETUSER", "app", "-info"]).await.unwrap();
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.servers, stats.memory_used, stats.hits), (1, None, None));
}

#[tokio::test]
async fn the_numbers_are_those_of_the_server_and_of_the_log() {
    let server = RedisServer::builder().config("maxmemory 100mb").start().await.unwrap();
    let store = store(&server).await;
    for _ in 0..9 {
        store.append(&[event("x")]).await.unwrap();
    }
    let length = integer(&server, &["XLEN", support::EVENTS]).await;
    let stats = store.stats().await.unwrap();
    assert_eq!(stats.log_length, u64::try_from(length).ok());
    assert!(length > 9 && stats.log_bytes.unwrap() > 100, "{stats:?}");
    assert_eq!((stats.memory_limit, stats.evicted_keys), (Some(100 * 1024 * 1024), Some(0)));
    assert!(stats.connected_clients.unwrap() >= 4, "{stats:?}");
    assert!(stats.memory_peak.unwrap() > 0 && stats.fragmentation().unwrap() > 0.0, "{stats:?}");
}

#[tokio::test]
async fn a_server_that_hangs_is_an_error_in_time_and_its_circuit_opens() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(brief(&server.url())).await;
    assert_eq!(store.circuits(), Some(vec![]));
    server.pause().unwrap();
    assert_eq!(store.stats().await.unwrap_err().kind(), StoreErrorKind::Timeout);
    eventually("the circuit is open", async || {
        let _ = store.announce(&record(1)).await;
        store.circuits().is_some_and(|circuits| !circuits.is_empty())
    })
    .await;
    assert_eq!(store.circuits().unwrap()[0].node, None);
    server.resume().unwrap();
    eventually("the circuit is closed", async || {
        let _ = store.announce(&record(1)).await;
        store.circuits() == Some(vec![])
    })
    .await;
}

#[tokio::test]
async fn in_a_cluster_the_primaries_add_up_and_the_list_has_one_home() {
    let cluster = RedisCluster::start().await.unwrap();
    let store = joined(patient(&cluster.url())).await;
    store.announce(&record(1)).await.unwrap();
    assert_eq!(listed(&store).await, [id(1)]);
    let stats = store.stats().await.unwrap();
    assert_eq!(stats.servers, 3);
    let mut used = 0;
    for node in cluster.nodes() {
        let role = node.command(&["ROLE"]).await.unwrap();
        let is_primary = role.as_array().unwrap()[0].as_str() == Some("master");
        let info = node.command(&["INFO", "memory"]).await.unwrap();
        let line = info.as_str().unwrap().lines().find_map(|line| line.strip_prefix("used_memory:"));
        used += if is_primary { line.unwrap().parse::<u64>().unwrap() } else { 0 };
    }
    // A single node uses about a third of it.
    let sum = stats.memory_used.unwrap();
    assert!(sum > used / 2 && sum < used * 2, "{sum} is not about {used}");
    assert!(stats.log_length.is_some() && stats.log_bytes.is_some(), "{stats:?}");
}

/// A list that is longer than any deployment's still arrives in one answer.
#[tokio::test]
async fn records_of_the_maximum_size_are_listed() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let long = |number| {
        let mut record = record(number);
        record.host = "h".repeat(255);
        record
    };
    for number in 1..=MAX_INSTANCES {
        store.announce(&long(number)).await.unwrap();
    }
    let found: Vec<Instance> = store.instances().await.unwrap();
    assert!(found.iter().all(|instance| instance.record.host.len() == 255));
    assert_eq!(found.len(), MAX_INSTANCES);
}

#[tokio::test]
async fn each_announcement_counts_the_instances_that_go_on() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.instance_count(), None);
    for number in 1..=4 {
        store.announce(&record(number)).await.unwrap();
        assert_eq!(store.instance_count(), Some(number as u64));
    }
    // They have left out two announcements, though they are still listed.
    move_sight(&server, 1, -13_000).await;
    move_sight(&server, 2, -13_000).await;
    move_sight(&server, 3, -9_000).await;
    store.announce(&record(4)).await.unwrap();
    assert_eq!((store.instance_count(), listed(&store).await.len()), (Some(2), 4));
}

/// Only a part of the instances is listed. How often one is replaced shows how many there are.
#[tokio::test]
async fn more_instances_than_are_listed_are_counted_by_their_announcements() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for number in 1..=MAX_INSTANCES {
        store.announce(&record(number)).await.unwrap();
    }
    move_sight(&server, 1, -1_280).await;
    store.announce(&record(2)).await.unwrap();
    // 256 in about 1.28 of five seconds.
    let count = store.instance_count().unwrap();
    assert!((500..=1_000).contains(&count), "{count}");
    move_sight(&server, 1, -8_000).await;
    store.announce(&record(2)).await.unwrap();
    assert_eq!(store.instance_count(), Some(256));
}
