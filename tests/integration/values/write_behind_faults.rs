//! Write-behind over a real Redis that is killed, and instances that end or stall.

use std::time::Duration;

use larder::values::WriteErrorKind;
use larder::write_queue::{Durability, DurabilityGap};
use larder::{Cache, WriteQueueState};
use larder_redis::RedisStore;
use larder_testing::{Proxy, RedisServer};
use larder_tests::redis::eventually;

use crate::redis_instances::{at, instance};
use crate::support::soon;
use crate::table_sink::{Carts, Table, behind, carts, get, try_get};

/// A Redis that forces each write to the disk.
async fn durable() -> RedisServer {
    RedisServer::builder().config("appendonly yes").config("appendfsync always").start().await.unwrap()
}

async fn flushed(carts: &Carts) {
    eventually("the queue is empty", async || {
        let stats = carts.queue_stats().await;
        stats.is_ok_and(|stats| stats.iter().all(|partition| partition.entries == 0))
    })
    .await;
}

/// The instance that wrote ends without a warning. Another one flushes its writes.
#[tokio::test]
async fn acknowledged_writes_survive_the_end_of_their_instance() {
    let (redis, table) = (durable().await, Table::default());
    let killed_table = Table::default();
    let _never = killed_table.hold();
    let (url, sink) = (redis.url(), killed_table.clone());
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let cache = at(&url, Duration::from_secs(10)).await;
            let carts = behind(&cache, &sink).durability(Durability::Fsync).build().unwrap();
            for key in 0..50 {
                carts.write(&key, format!("cart {key}")).await.unwrap();
            }
        });
        // All tasks end where they are, as in a process that is killed.
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(move || killed.join().unwrap()).await.unwrap();
    assert_eq!(killed_table.applied(), 0);
    let survivor = instance(&redis).await;
    let carts = carts(&survivor, &table);
    assert_eq!(get(&carts, &table, 7).await.as_deref(), Some("cart 7"));
    flushed(&carts).await;
    assert!((0..50).all(|key| table.row(key) == Some(format!("cart {key}"))));
    assert_eq!(table.applied(), 50);
}

/// A slow sink keeps its partition: the right to read is extended while it runs.
#[tokio::test]
async fn a_slow_sink_keeps_its_partition() {
    let (redis, table) = (durable().await, Table::default());
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let one_partition = |cache: &Cache| behind(cache, &table).partitions(1).build().unwrap();
    let (carts_a, gate) = (one_partition(&a), table.hold());
    carts_a.write(&1, "cheese".to_owned()).await.unwrap();
    soon("a flush begins", gate.arrived(1)).await;
    let carts_b = one_partition(&b);
    let (mut last, mut extensions) = (Vec::new(), 0);
    // Each extension is after a third of the lease. So this is longer than the lease.
    eventually("the right to read is extended", async || {
        let keys = redis.command(&["KEYS", "*:reader"]).await.unwrap();
        let key = keys.as_array().and_then(|keys| keys.first()?.as_str()).unwrap().to_owned();
        // The reader, and the end of its right.
        let right = redis.command(&["GET", &key]).await.unwrap().as_bytes().unwrap().to_vec();
        extensions += usize::from(right != last);
        last = right;
        extensions > 5
    })
    .await;
    assert_eq!(table.flushes(), 1);
    table.release();
    gate.open();
    flushed(&carts_b).await;
    assert_eq!((table.flushes(), table.applied()), (1, 1));
}

/// A reader that cannot reach Redis stalls in its sink, and comes back after another took over.
#[tokio::test]
async fn a_reader_that_comes_back_does_not_overwrite_a_later_write() {
    let (redis, table) = (durable().await, Table::default());
    let proxy = Proxy::start(redis.address()).unwrap();
    let stalled = at(&redis.url_at(proxy.address()), Duration::from_millis(200)).await;
    let carts_a = carts(&stalled, &table);
    let gate = table.hold();
    carts_a.write(&1, "old".to_owned()).await.unwrap();
    soon("a flush begins", gate.arrived(1)).await;
    table.release();
    proxy.refuse();
    proxy.cut().await;
    let other = instance(&redis).await;
    let carts_b = carts(&other, &table);
    carts_b.write(&1, "new".to_owned()).await.unwrap();
    flushed(&carts_b).await;
    assert_eq!(table.row(1).as_deref(), Some("new"));
    gate.open();
    eventually("the old write comes too late", async || table.ignored() == 1).await;
    eventually("it is counted", async || carts_a.write_stats().ignored == 1).await;
    assert_eq!((carts_a.write_stats().flushed, carts_b.write_stats().ignored), (0, 0));
    assert_eq!(table.row(1).as_deref(), Some("new"));
    proxy.pass();
    eventually("both read the new value", async || {
        get(&carts_b, &table, 1).await.as_deref() == Some("new")
            && try_get(&carts_a, &table, 1).await.is_ok_and(|cart| cart.as_deref() == Some("new"))
    })
    .await;
}

/// Redis is killed with writes in its queue, and finds them on its disk.
#[tokio::test]
async fn acknowledged_writes_survive_a_kill_of_redis() {
    let (redis, table) = (durable().await, Table::default());
    let cache = instance(&redis).await;
    let carts = behind(&cache, &table).durability(Durability::Fsync).build().unwrap();
    table.set_down(true);
    for key in 0..50 {
        carts.write(&key, format!("cart {key}")).await.unwrap();
    }
    redis.kill();
    let error = carts.write(&50, "lost".to_owned()).await.unwrap_err();
    assert!(matches!(error.kind(), WriteErrorKind::NotQueued | WriteErrorKind::Unknown), "{error:?}");
    redis.restart().await.unwrap();
    table.set_down(false);
    eventually("all writes are in the database", async || {
        (0..50).all(|key| table.row(key) == Some(format!("cart {key}")))
    })
    .await;
}

/// The health says it before the first write.
#[tokio::test]
async fn a_queue_that_is_not_durable_enough_is_a_finding_of_the_health() {
    let (plain, table) = (RedisServer::start().await.unwrap(), Table::default());
    let cache = instance(&plain).await;
    assert_eq!(cache.health().write_queue, WriteQueueState::Absent);
    let carts = behind(&cache, &table).durability(Durability::Fsync).build().unwrap();
    eventually("the gap is known", async || {
        cache.health().write_queue == WriteQueueState::NotDurable(DurabilityGap::NoAppendOnlyFile)
    })
    .await;
    assert!(cache.health().is_ready(), "the cache works");
    drop(carts);
    eventually("no collection is left", async || cache.health().write_queue == WriteQueueState::Absent).await;

    let safe = durable().await;
    let cache = instance(&safe).await;
    let _carts = behind(&cache, &table).durability(Durability::Fsync).build().unwrap();
    eventually("it is durable", async || cache.health().write_queue == WriteQueueState::Durable).await;
    safe.kill();
    let store = RedisStore::connect(&safe.url()).unwrap();
    let other = Cache::builder().write_queue(store.clone()).shared_store(store).build();
    let _carts = behind(&other, &table).durability(Durability::Fsync).build().unwrap();
    assert_eq!(other.health().write_queue, WriteQueueState::Unknown);
    let _ = cache.close().await;
    assert_eq!(cache.health().write_queue, WriteQueueState::Absent);
}

/// The durability is what Redis can do at the moment, and a write waits for it.
#[tokio::test]
async fn a_write_waits_for_the_disk_or_the_replicas() {
    let lazy = RedisServer::builder().config("appendonly yes").config("appendfsync everysec");
    let (lazy, table) = (lazy.start().await.unwrap(), Table::default());
    let cache = instance(&lazy).await;
    let carts = behind(&cache, &table).durability(Durability::Fsync).build().unwrap();
    let written = carts.write(&1, "cheese".to_owned()).await;
    let has_wait_aof = lazy.command(&["COMMAND", "INFO", "waitaof"]).await.unwrap();
    if has_wait_aof.as_array().is_some_and(|info| info.first().is_some_and(|one| one.as_array().is_some())) {
        written.unwrap();
        assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    } else {
        assert_eq!(written.unwrap_err().kind(), WriteErrorKind::NotDurable);
    }
    let one = std::num::NonZeroU16::MIN;
    let replicated = behind(&cache, &table).durability(Durability::Replicas(one)).build().unwrap();
    let error = replicated.write(&1, "bread".to_owned()).await.unwrap_err();
    assert_eq!(error.kind(), WriteErrorKind::NotDurable);
    let _replica = RedisServer::builder().replica_of(&lazy).start().await.unwrap();
    eventually("the replica has the write", async || {
        // A new collection reads the settings at once.
        let replicated = behind(&cache, &table).durability(Durability::Replicas(one)).build().unwrap();
        replicated.write(&2, "milk".to_owned()).await.is_ok()
    })
    .await;
}

/// `NotQueued` and `Unknown` are distinguished, and an unknown write is sent again with its id.
#[tokio::test]
async fn a_write_says_whether_it_may_take_effect() {
    let (redis, table) = (durable().await, Table::default());
    let proxy = Proxy::start(redis.address()).unwrap();
    let cache = at(&redis.url_at(proxy.address()), Duration::from_millis(200)).await;
    let carts = behind(&cache, &table).durability(Durability::Fsync).build().unwrap();
    carts.write(&1, "before".to_owned()).await.unwrap();
    flushed(&carts).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("before"));
    assert!(carts.get_cached(&1).is_cached());
    proxy.blackhole();
    let unknown = carts.write(&1, "unknown".to_owned()).await.unwrap_err();
    assert_eq!(unknown.kind(), WriteErrorKind::Unknown);
    assert!(!carts.get_cached(&1).is_cached(), "the old value may be replaced");
    proxy.refuse();
    proxy.cut().await;
    eventually("writes are not sent", async || {
        let error = carts.write(&2, "not sent".to_owned()).await.unwrap_err();
        error.kind() == WriteErrorKind::NotQueued && error.id().is_none()
    })
    .await;
    proxy.pass();
    let id = unknown.id().unwrap();
    eventually("it is sent again", async || carts.write_with_id(id, &1, "unknown".to_owned()).await.is_ok())
        .await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("unknown"));
    flushed(&carts).await;
    assert_eq!(table.row(1).as_deref(), Some("unknown"));
    assert_eq!(table.row(2), None);
}

/// A write that no replica has is not flushed. A failover loses it, and its writer repeats it: it
/// must not take effect twice.
#[tokio::test]
async fn a_write_that_a_failover_loses_takes_effect_once() {
    let (primary, table) = (RedisServer::start().await.unwrap(), Table::default());
    let replication = Proxy::start(primary.address()).unwrap();
    let port = replication.address().port();
    let replica = RedisServer::builder().config(format!("replicaof 127.0.0.1 {port}")).start().await.unwrap();
    let to_primary = Proxy::start(primary.address()).unwrap();
    let cache = at(&primary.url_at(to_primary.address()), Duration::from_millis(500)).await;
    let replicated = behind(&cache, &table).durability(Durability::Replicas(std::num::NonZeroU16::MIN));
    let carts = replicated.durability_timeout(Duration::from_millis(300)).build().unwrap();
    eventually("the replica has a write", async || carts.write(&1, "bread".to_owned()).await.is_ok()).await;
    flushed(&carts).await;
    let before = table.applied();

    replication.blackhole();
    let unknown = carts.write(&2, "cheese".to_owned()).await.unwrap_err();
    assert_eq!(unknown.kind(), WriteErrorKind::Unknown);
    assert_eq!(table.row(2), None, "no replica has it");
    primary.kill();
    replica.command(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
    let _second = RedisServer::builder().replica_of(&replica).start().await.unwrap();
    to_primary.lead_to(replica.address());
    to_primary.cut().await;

    let id = unknown.id().unwrap();
    eventually("it is sent again", async || carts.write_with_id(id, &2, "cheese".to_owned()).await.is_ok())
        .await;
    flushed(&carts).await;
    assert_eq!((table.row(2).as_deref(), table.applied()), (Some("cheese"), before + 1));
}
