//! Reads of what an instance wrote itself to a write-behind collection, while Redis is away.

use std::io;
use std::time::Duration;

use larder::Cache;
use larder::store::StoreErrorKind;
use larder::values::{LoadError, ReadError, WriteErrorKind};
use larder_redis::RedisStore;
use larder_testing::{MemoryStore, Proxy, RedisServer};
use larder_tests::redis::{TickingClock, eventually};

use crate::support::{joins, ready};
use crate::table_sink::{Carts, Table, behind, carts, get, get_many, try_get, try_get_many};

/// Longer than the bound on staleness.
const TOO_LONG: Duration = Duration::from_millis(2_001);

struct Instance {
    cache: Cache,
    proxy: Proxy,
    clock: TickingClock,
}

impl Instance {
    async fn start(redis: &RedisServer) -> Self {
        let (proxy, clock) = (Proxy::start(redis.address()).unwrap(), TickingClock::default());
        let store = RedisStore::builder(&redis.url_at(proxy.address()));
        let store = store.command_timeout(Duration::from_millis(200)).connect().unwrap();
        let cache = Cache::builder().write_queue(store.clone()).shared_store(store);
        let cache = ready(cache.clock(clock.clone())).await;
        joins(&cache.values("probe").build().unwrap()).await;
        Self { cache, proxy, clock }
    }

    /// Takes Redis away. Nothing in memory is confirmed any more.
    async fn cut(&self) {
        self.proxy.refuse();
        self.proxy.cut().await;
        self.clock.advance(TOO_LONG);
    }
}

async fn redis() -> (RedisServer, Table) {
    (RedisServer::start().await.unwrap(), Table::default())
}

async fn write(carts: &Carts, key: u64, value: &str) {
    carts.write(&key, value.to_owned()).await.unwrap();
}

fn is_unavailable<T>(read: &Result<T, LoadError<ReadError<io::Error>>>) -> bool {
    matches!(read, Err(error) if matches!(error.get_ref(), ReadError::PendingUnavailable))
}

/// Waits until the instance has read the event of another instance's write of this key.
async fn hears(carts: &Carts, key: u64, old: &str) {
    eventually("the event arrives", async || {
        carts.get(&key).await.into_value().is_none_or(|value| *value != old)
    })
    .await;
}

#[tokio::test]
async fn the_writer_goes_on_reading_its_unflushed_values() {
    let (redis, table) = redis().await;
    let (a, b) = (Instance::start(&redis).await, Instance::start(&redis).await);
    let (carts_a, carts_b) = (carts(&a.cache, &table), carts(&b.cache, &table));
    let _gate = table.hold();
    write(&carts_a, 1, "cheese").await;
    write(&carts_a, 2, "bread").await;
    carts_a.delete(&3).await.unwrap();
    write(&carts_b, 4, "of the other instance").await;
    a.cut().await;
    for _ in 0..3 {
        a.clock.advance(TOO_LONG);
        assert_eq!(get(&carts_a, &table, 1).await.as_deref(), Some("cheese"));
        assert_eq!(get(&carts_a, &table, 3).await, None, "the deletion is pending");
        a.clock.advance(TOO_LONG);
        let both = get_many(&carts_a, &table, &[3, 2, 1]).await;
        assert_eq!(both, [None, Some("bread".to_owned()), Some("cheese".to_owned())]);
    }
    assert_eq!(table.loads(), 0);
    for key in [4, 5] {
        assert!(is_unavailable(&try_get(&carts_a, &table, key).await), "it cannot know {key}");
    }
    assert!(is_unavailable(&try_get_many(&carts_a, &table, &[1, 5]).await));
    b.cut().await;
    assert!(is_unavailable(&try_get(&carts_b, &table, 1).await), "it is not its own write");
    a.proxy.pass();
    eventually("Redis is back", async || {
        try_get(&carts_a, &table, 4).await.is_ok_and(|cart| cart.as_deref() == Some("of the other instance"))
    })
    .await;
    assert_eq!(get(&carts_a, &table, 1).await.as_deref(), Some("cheese"));
}

/// A copy ends with the event of another instance's write, also if nothing reads it in between.
#[tokio::test]
async fn a_copy_does_not_survive_the_write_of_another_instance() {
    let (redis, table) = redis().await;
    let (a, b) = (Instance::start(&redis).await, Instance::start(&redis).await);
    let (carts_a, carts_b) = (carts(&a.cache, &table), carts(&b.cache, &table));
    let _gate = table.hold();
    write(&carts_a, 1, "old").await;
    write(&carts_a, 2, "old").await;
    a.cut().await;
    write(&carts_b, 1, "new").await;
    write(&carts_b, 2, "new").await;
    assert_eq!(get(&carts_a, &table, 1).await.as_deref(), Some("old"), "it cannot know");
    a.proxy.pass();
    hears(&carts_a, 1, "old").await;
    a.cut().await;
    for key in [1, 2] {
        assert!(is_unavailable(&try_get(&carts_a, &table, key).await), "{key}");
    }
    a.proxy.pass();
    for key in [1, 2] {
        // The first exchanges after a cut may still fail.
        eventually("Redis is back", async || {
            let read = try_get(&carts_a, &table, key).await;
            read.is_ok_and(|value| value.as_deref() == Some("new") || panic!("{value:?} came back"))
        })
        .await;
    }
}

/// After a write that may take effect, the value from before it is not the value.
#[tokio::test]
async fn a_write_whose_effect_is_unknown_ends_the_copy_and_one_that_was_not_sent_does_not() {
    let (redis, table) = redis().await;
    let a = Instance::start(&redis).await;
    let carts = carts(&a.cache, &table);
    let _gate = table.hold();
    write(&carts, 1, "before").await;
    write(&carts, 2, "before").await;
    a.proxy.blackhole();
    let unknown = carts.write(&1, "unknown".to_owned()).await.unwrap_err();
    assert_eq!(unknown.kind(), WriteErrorKind::Unknown);
    a.cut().await;
    eventually("writes are not sent", async || {
        let error = carts.write(&2, "not sent".to_owned()).await.unwrap_err();
        error.kind() == WriteErrorKind::NotQueued
    })
    .await;
    a.clock.advance(TOO_LONG);
    assert!(is_unavailable(&try_get(&carts, &table, 1).await));
    a.proxy.pass();
    let id = unknown.id().unwrap();
    eventually("it is sent again", async || carts.write_with_id(id, &1, "unknown".to_owned()).await.is_ok())
        .await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("unknown"));
    a.cut().await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("unknown"), "the queue has confirmed it");
}

/// Not every event of the key comes from a later write. The queue knows.
#[tokio::test]
async fn an_answer_of_the_queue_renews_the_copy() {
    let (redis, table) = redis().await;
    let a = Instance::start(&redis).await;
    let carts = carts(&a.cache, &table);
    let _gate = table.hold();
    for key in [1, 2] {
        write(&carts, key, "cheese").await;
        let _ = carts.invalidate(&key).await;
    }
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    a.cut().await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    assert!(is_unavailable(&try_get(&carts, &table, 2).await), "the queue was not asked");
}

/// Once the database has a value, the instance has no reason to read its own copy.
#[tokio::test]
async fn a_flushed_value_has_no_copy() {
    let (redis, table) = redis().await;
    let a = Instance::start(&redis).await;
    let carts = carts(&a.cache, &table);
    write(&carts, 1, "cheese").await;
    eventually("it is flushed", async || carts.write_stats().flushed == 1).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    a.cut().await;
    assert!(is_unavailable(&try_get(&carts, &table, 1).await));
}

#[tokio::test]
async fn copies_are_bounded_and_the_oldest_make_room() {
    let (redis, table) = redis().await;
    let a = Instance::start(&redis).await;
    let carts = behind(&a.cache, &table).max_unflushed_bytes(3_000).build().unwrap();
    let _gate = table.hold();
    for key in 1..=20 {
        write(&carts, key, &"x".repeat(100)).await;
    }
    a.cut().await;
    assert!(is_unavailable(&try_get(&carts, &table, 1).await));
    assert!(get(&carts, &table, 20).await.is_some());
    let kept = async |key| try_get(&carts, &table, key).await.is_ok();
    let mut count = 0;
    for key in 1..=20 {
        count += u64::from(kept(key).await);
    }
    assert!((5..15).contains(&count), "{count}");
}

/// A collection that may lag prefers its own write to what the database has.
#[tokio::test]
async fn a_collection_that_may_lag_still_reads_its_own_writes() {
    let (redis, table) = redis().await;
    let a = Instance::start(&redis).await;
    let carts = behind(&a.cache, &table).may_lag().build().unwrap();
    let _gate = table.hold();
    write(&carts, 1, "cheese").await;
    a.cut().await;
    assert_eq!(get_many(&carts, &table, &[1, 2]).await, [Some("cheese".to_owned()), None]);
    assert_eq!(table.loads(), 1, "of the other key");
}

/// A deferred event has no place in the log, but a local number.
#[tokio::test]
async fn a_write_whose_event_was_deferred_has_a_copy_until_the_next_event() {
    let (queue, store, table) = (MemoryStore::default(), MemoryStore::default(), Table::default());
    let cache = ready(Cache::builder().write_queue(queue.clone()).shared_store(store.clone())).await;
    let carts = carts(&cache, &table);
    let _gate = table.hold();
    store.fail(StoreErrorKind::Timeout);
    for (key, value) in [(1, "old"), (1, "new"), (2, "cheese")] {
        write(&carts, key, value).await;
    }
    let _ = carts.invalidate(&2).await;
    queue.fail(StoreErrorKind::Timeout);
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("new"));
    assert!(is_unavailable(&try_get(&carts, &table, 2).await), "there is another event");
    queue.heal();
    assert_eq!(get(&carts, &table, 2).await.as_deref(), Some("cheese"));
}
