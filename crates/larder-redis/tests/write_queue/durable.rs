//! Writes that survive, and how a store shows that they do.

use std::num::NonZeroU16;
use std::time::Duration;

use larder_core::store::StoreErrorKind;
use larder_core::write_queue::{
    Durability, DurabilityGap, DurabilityMethod, EvictionPolicy, FsyncPolicy, PartitionId, PushWrite,
    ReadRequest, WaitReply, WaitRequest, WriteId, WriteQueue,
};
use larder_redis::RedisStore;
use larder_testing::{Direction, Proxy, RedisServer};

use crate::helpers::{PARTITION, all, new_id, pending, push, queued, read, read_all, texts, value, write};
use crate::support::{brief, eventually, joined, patient, primary_and_replica, reachable, store};

const ONE: NonZeroU16 = NonZeroU16::MIN;
const PATIENCE: Duration = Duration::from_secs(10);

fn request(id: WriteId, method: DurabilityMethod) -> WaitRequest<'static> {
    WaitRequest { partition: PARTITION, id, sequence: None, method, timeout: PATIENCE }
}

/// Waits until the store's connection for waits is up.
async fn ready_to_wait(store: &RedisStore) {
    store.durability().await.unwrap();
    let unknown = request(new_id(), DurabilityMethod::WaitReplicas(ONE));
    eventually("the store can wait", async || store.wait_durable(unknown).await.is_ok()).await;
}

/// This shows that the server writes before it answers. It does not show that the disk has it:
/// only a loss of power would.
#[tokio::test]
async fn an_acknowledged_write_survives_the_death_of_the_server() {
    let server =
        RedisServer::builder().config("appendonly yes").config("appendfsync always").start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.durability().await.unwrap().method_for(Durability::Fsync), Ok(DurabilityMethod::Reply));
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            let key = format!("k{number}");
            match writer.push(write(&key, value(&key))).await {
                Ok(pushed) => acknowledged.push((key, queued(pushed))),
                Err(_) => break,
            }
        }
        acknowledged
    });
    eventually("many are written", async || store.queue_stats(PARTITION).await.unwrap().entries > 300).await;
    server.kill();
    let acknowledged = writing.await.unwrap();
    server.restart().await.unwrap();
    reachable(&store).await;
    let found = read_all(&store).await;
    for (key, sequence) in &acknowledged {
        let write = found.iter().find(|write| write.key == *key).unwrap();
        assert_eq!((write.sequence, write.payload.bytes()), (*sequence, key.as_bytes()));
        assert_eq!(pending(&store, key).await.as_ref(), Some(key));
    }
    // At most one more was written without an answer.
    assert!(found.len() - acknowledged.len() <= 1);
    let last = found.last().unwrap().sequence;
    assert!(push(&store, "new", value("x")).await > last);
    assert!(found.is_sorted_by_key(|write| write.sequence));
}

#[tokio::test]
async fn a_write_that_a_replica_has_is_durable() {
    let (primary, replica) = primary_and_replica().await;
    let store = joined(patient(&primary.url())).await;
    ready_to_wait(&store).await;
    let method = store.durability().await.unwrap().method_for(Durability::Replicas(ONE)).unwrap();
    let one = write("a", value("1"));
    queued(store.push(one.clone()).await.unwrap());
    assert_eq!(store.wait_durable(request(one.id, method)).await.unwrap(), WaitReply::Durable);

    replica.pause().unwrap();
    let two = write("b", value("2"));
    queued(store.push(two.clone()).await.unwrap());
    let short = WaitRequest { timeout: Duration::from_millis(50), ..request(two.id, method) };
    assert_eq!(store.wait_durable(short).await.unwrap(), WaitReply::NotYet);
    replica.resume().unwrap();
    assert_eq!(store.wait_durable(request(two.id, method)).await.unwrap(), WaitReply::Durable);
    assert_eq!(store.wait_durable(request(new_id(), method)).await.unwrap(), WaitReply::Lost);
    let two_replicas = Durability::Replicas(NonZeroU16::new(2).unwrap());
    let few = DurabilityGap::TooFewReplicas { required: 2, connected: 1 };
    assert_eq!(store.durability().await.unwrap().method_for(two_replicas), Err(few));
}

/// The replica has what the primary has now, and that is not the write.
#[tokio::test]
async fn a_write_that_a_failover_lost_is_not_durable() {
    let (primary, _replica) = primary_and_replica().await;
    let store = joined(patient(&primary.url())).await;
    ready_to_wait(&store).await;
    let one = write("a", value("1"));
    queued(store.push(one.clone()).await.unwrap());
    primary.command(&["FLUSHALL"]).await.unwrap();
    let waited = store.wait_durable(request(one.id, DurabilityMethod::WaitReplicas(ONE))).await;
    assert_eq!(waited.unwrap(), WaitReply::Lost);
}

/// Many writers share the waits, because the server executes them one after the other.
#[tokio::test]
async fn one_wait_serves_many_writers() {
    let (primary, replica) = primary_and_replica().await;
    let store = joined(patient(&primary.url())).await;
    ready_to_wait(&store).await;
    let method = DurabilityMethod::WaitReplicas(ONE);
    let waits = async || {
        let stats = primary.command(&["INFO", "commandstats"]).await.unwrap();
        let text = stats.as_str().unwrap().to_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("cmdstat_wait:calls="));
        line.map_or(0, |line| line.split(',').next().unwrap().parse::<u64>().unwrap())
    };
    let before = waits().await;
    replica.pause().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            let key = format!("k{number}");
            let write = write(&key, value("x"));
            queued(store.push(write.clone()).await.unwrap());
            store.wait_durable(request(write.id, method)).await.unwrap()
        });
    }
    eventually("all have pushed", async || store.queue_stats(PARTITION).await.unwrap().entries == 64).await;
    replica.resume().unwrap();
    assert!(tasks.join_all().await.iter().all(|reply| *reply == WaitReply::Durable));
    let taken = waits().await - before;
    assert!(taken <= 8, "{taken} waits for 64 writes");
}

#[tokio::test]
async fn the_primary_of_each_partition_waits_for_its_replica() {
    let cluster = RedisServer::builder().start_cluster().await.unwrap();
    let store = joined(patient(&cluster.url())).await;
    eventually("each primary has a replica", async || store.durability().await.unwrap().replicas == Some(1))
        .await;
    for number in 0..8 {
        let partition = PartitionId { collection: "cart", number, count: 8 };
        let write = PushWrite { partition, ..write("a", value("1")) };
        queued(store.push(write.clone()).await.unwrap());
        let method = DurabilityMethod::WaitReplicas(ONE);
        let request = WaitRequest { partition, ..request(write.id, method) };
        eventually("it is durable", async || {
            matches!(store.wait_durable(request).await, Ok(WaitReply::Durable))
        })
        .await;
        let other = WaitRequest { id: new_id(), ..request };
        assert_eq!(store.wait_durable(other).await.unwrap(), WaitReply::Lost);
    }
}

/// Redis 7.0 cannot wait for its disk. `cargo xtask servers` runs this with servers that can.
#[tokio::test]
async fn a_newer_server_waits_for_its_disk() {
    let server =
        RedisServer::builder().config("appendonly yes").config("appendfsync everysec").start().await.unwrap();
    let store = store(&server).await;
    let state = store.durability().await.unwrap();
    assert_eq!((state.append_only, state.fsync), (Some(true), Some(FsyncPolicy::EverySecond)));
    let one = write("a", value("1"));
    queued(store.push(one.clone()).await.unwrap());
    if state.has_wait_aof == Some(false) {
        assert_eq!(state.method_for(Durability::Fsync), Err(DurabilityGap::NoFsync));
        return;
    }
    ready_to_wait(&store).await;
    let method = state.method_for(Durability::Fsync).unwrap();
    assert_eq!(method, DurabilityMethod::WaitAof);
    assert_eq!(store.wait_durable(request(one.id, method)).await.unwrap(), WaitReply::Durable);
    server.kill();
    server.restart().await.unwrap();
    reachable(&store).await;
    assert_eq!(texts(&read_all(&store).await), ["a=1"]);
}

/// A server that is slow hides nothing. Otherwise each write would be refused for seconds.
#[tokio::test]
async fn settings_that_come_too_late_are_not_hidden_settings() {
    let server =
        RedisServer::builder().config("appendonly yes").config("appendfsync always").start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(brief(&server.url_at(proxy.address()))).await;
    let gate = proxy.hold(Direction::ToServer, "appendfsync");
    assert_eq!(store.durability().await.unwrap_err().kind(), StoreErrorKind::Timeout);
    gate.open();
    let is_durable =
        async || store.durability().await.is_ok_and(|state| state.method_for(Durability::Fsync).is_ok());
    eventually("the settings are read", is_durable).await;
}

/// A reader learns which write to wait for, so that it flushes nothing that a failover may lose.
#[tokio::test]
async fn a_batch_names_its_newest_write() {
    let (primary, replica) = primary_and_replica().await;
    let store = store(&primary).await;
    ready_to_wait(&store).await;
    assert_eq!(read_all(&store).await, []);
    assert_eq!(read(&store, all()).await.newest, None);
    let (one, two) = (write("a", value("1")), write("b", value("2")));
    for write in [&one, &two] {
        queued(store.push(write.clone()).await.unwrap());
    }
    let batch = read(&store, all()).await;
    assert_eq!((batch.writes.len(), batch.newest.map(|newest| newest.id)), (2, Some(two.id)));
    let method = DurabilityMethod::WaitReplicas(ONE);
    assert_eq!(store.wait_durable(request(two.id, method)).await.unwrap(), WaitReply::Durable);
    let sequence = batch.writes.last().map(|write| write.sequence);
    let same = WaitRequest { sequence, ..request(two.id, method) };
    assert_eq!(store.wait_durable(same).await.unwrap(), WaitReply::Durable);
    let repeated = WaitRequest { sequence: sequence.map(|lost| lost - 1), ..same };
    assert_eq!(store.wait_durable(repeated).await.unwrap(), WaitReply::Lost, "it was lost, and repeated");
    replica.pause().unwrap();
    let three = write("c", value("3"));
    queued(store.push(three.clone()).await.unwrap());
    let newest = read(&store, ReadRequest { after: batch.last_place, ..all() }).await.newest.unwrap().id;
    assert_eq!(newest, three.id);
    let short = WaitRequest { timeout: Duration::from_millis(50), ..request(newest, method) };
    assert_eq!(store.wait_durable(short).await.unwrap(), WaitReply::NotYet);
}

#[tokio::test]
async fn the_settings_of_the_server_are_reported() {
    let server = RedisServer::builder().config("maxmemory 100mb").start().await.unwrap();
    let store = store(&server).await;
    let state = store.durability().await.unwrap();
    assert_eq!((state.append_only, state.replicas), (Some(false), Some(0)));
    assert_eq!(state.method_for(Durability::Fsync), Err(DurabilityGap::NoAppendOnlyFile));
    assert_eq!(state.method_for(Durability::Memory), Ok(DurabilityMethod::Reply));
    let one = PushWrite { id: new_id(), ..write("a", value("1")) };
    let waited = store.wait_durable(request(one.id, DurabilityMethod::Reply)).await.unwrap();
    assert_eq!(waited, WaitReply::Durable);
    for (setting, policy) in [
        ("noeviction", EvictionPolicy::Nothing),
        ("volatile-lfu", EvictionPolicy::Expiring),
        ("allkeys-lru", EvictionPolicy::Any),
    ] {
        server.command(&["CONFIG", "SET", "maxmemory-policy", setting]).await.unwrap();
        assert_eq!(store.durability().await.unwrap().eviction, Some(policy));
    }
    let state = store.durability().await.unwrap();
    assert_eq!(state.method_for(Durability::Memory), Err(DurabilityGap::Evicts));
    server.command(&["CONFIG", "SET", "no-appendfsync-on-rewrite", "yes"]).await.unwrap();
    assert_eq!(store.durability().await.unwrap().pauses_fsync_on_rewrite, Some(true));
}

#[tokio::test]
async fn settings_that_are_secret_are_unknown() {
    let server = RedisServer::builder()
        .config("appendonly yes")
        .user("app on >secret ~larder:* +@all -config")
        .start()
        .await
        .unwrap();
    let store = joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    let state = store.durability().await.unwrap();
    assert_eq!((state.append_only, state.fsync, state.pauses_fsync_on_rewrite), (Some(true), None, None));
}

/// Entries with a lifetime are evicted, and the queue is not.
#[tokio::test]
async fn the_queue_is_not_evicted_with_what_expires() {
    let server = RedisServer::builder().config("maxmemory-policy volatile-lru").start().await.unwrap();
    let store = store(&server).await;
    for number in 0..100 {
        push(&store, &format!("k{number}"), value("x")).await;
    }
    let fill =
        "for i = 1, 1000 do redis.call('SET', 'cached' .. i, string.rep('x', 1000), 'PX', 3600000) end";
    server.command(&["EVAL", fill, "0"]).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    server.command(&["SET", "more", "x"]).await.unwrap_err();
    assert_eq!(read_all(&store).await.len(), 100);
}
