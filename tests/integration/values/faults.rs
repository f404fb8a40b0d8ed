//! Values while Redis hangs, dies or lies.

use std::time::{Duration, Instant};

use larder::{Cache, InvalidationOutcome};
use larder_redis::RedisStore;
use larder_testing::{Proxy, RedisServer};
use larder_tests::redis::{TickingClock, eventually};
use tokio::task::JoinSet;

use crate::support::{Database, Names, get, joins, misses, names, ready, settle, soon};

/// Longer than the bound on staleness.
const TOO_LONG: Duration = Duration::from_millis(2_001);

struct Instance {
    names: Names,
    cache: Cache,

    proxy: Proxy,
    clock: TickingClock,
}

async fn instance(redis: &RedisServer) -> Instance {
    let (proxy, clock) = (Proxy::start(redis.address()).unwrap(), TickingClock::default());
    let store =
        RedisStore::builder(&redis.url_at(proxy.address())).command_timeout(Duration::from_millis(50));
    let cache = Cache::builder().shared_store(store.connect().unwrap()).clock(clock.clone());
    let cache = ready(cache).await;
    joins(&cache.values("probe").build().unwrap()).await;
    Instance { names: names(&cache), cache, proxy, clock }
}

/// Rule 10: values that were loaded here are used for the bound on staleness, and loads are shared.
#[tokio::test]
async fn while_redis_is_away_values_are_loaded_and_used_for_the_bound() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let Instance { names, proxy, clock, .. } = instance(&redis).await;
    get(&names, &database, 1).await;
    proxy.refuse();
    proxy.cut().await;
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
    assert_eq!(database.loads(), 1);
    for loads in 2..5 {
        clock.advance(TOO_LONG);
        let gate = database.hold();
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            let (names, database) = (names.clone(), database.clone());
            calls.spawn(async move { get(&names, &database, 1).await });
        }
        soon("a load begins", gate.arrived(1)).await;
        settle().await;
        gate.open();
        let answers = soon("all answers", calls.join_all()).await;
        assert!(answers.iter().all(|answer| answer.as_deref() == Some("Ada")));
        assert_eq!(database.loads(), loads);
    }
    assert!(misses(&names.stats()).contains("unconfirmed"), "{:?}", names.stats());
    proxy.pass();
    eventually("the log is read again", async || names.get(&1).await.is_cached()).await;
}

/// An invalidation while Redis is away holds here at once.
#[tokio::test]
async fn a_deferred_invalidation_holds_at_once() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "old"));
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    get(&a.names, &database, 1).await;
    eventually("it is shared", async || b.names.get(&1).await.is_cached()).await;
    a.proxy.refuse();
    a.proxy.cut().await;
    database.set(1, "new");
    assert_eq!(a.names.invalidate(&1).await, InvalidationOutcome::Deferred);
    assert_eq!(get(&a.names, &database, 1).await.as_deref(), Some("new"));
    a.proxy.pass();
    eventually("the other instance learns of it", async || {
        get(&b.names, &database, 1).await.as_deref() == Some("new")
    })
    .await;
    assert_eq!(get(&a.names, &database, 1).await.as_deref(), Some("new"));
    // Rule 1: a value that is taken from Redis gets the local number of this instance, which is not
    // below that of the deferred invalidation.
    let with_empty_memory = names(&a.cache);
    eventually("it takes the new value from Redis", async || {
        // The event may have been appended twice, so that this one loads twice.
        get(&b.names, &database, 1).await;
        with_empty_memory.get(&1).await.into_value().is_some_and(|name| name.as_str() == "new")
    })
    .await;
}

/// A hung Redis costs a call one command timeout at most, and then nothing.
#[tokio::test]
async fn a_hung_redis_costs_one_bounded_delay() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::default());
    let Instance { names, .. } = instance(&redis).await;
    for id in 0..60 {
        database.set(id, "Ada");
    }
    redis.pause().unwrap();
    let mut longest = Duration::ZERO;
    for id in 0..60 {
        let begun = Instant::now();
        assert_eq!(get(&names, &database, id).await.as_deref(), Some("Ada"));
        longest = longest.max(begun.elapsed());
    }
    redis.resume().unwrap();
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert_eq!(database.loads(), 60);
}

#[tokio::test]
async fn a_killed_redis_is_no_error_and_its_old_values_do_not_come_back() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "old"));
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    get(&a.names, &database, 1).await;
    eventually("it is shared", async || b.names.get(&1).await.is_cached()).await;
    redis.kill();
    assert_eq!(get(&a.names, &database, 1).await.as_deref(), Some("old"));
    database.set(1, "new");
    let _ = a.names.invalidate(&1).await;
    assert_eq!(get(&a.names, &database, 1).await.as_deref(), Some("new"));
    redis.restart().await.unwrap();
    eventually("both have the new value", async || {
        get(&a.names, &database, 1).await.as_deref() == Some("new")
            && get(&b.names, &database, 1).await.as_deref() == Some("new")
    })
    .await;
    eventually("values are shared again", async || {
        let before = b.names.stats().hits_shared;
        let _ = b.names.invalidate(&1).await;
        get(&a.names, &database, 1).await;
        settle().await;
        get(&b.names, &database, 1).await;
        b.names.stats().hits_shared > before
    })
    .await;
}

/// Bytes from Redis that are not what was written are a miss.
#[tokio::test]
async fn corrupt_bytes_are_a_miss() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    get(&a.names, &database, 1).await;
    let mut key = String::new();
    eventually("it is stored", async || {
        let keys = redis.command(&["KEYS", "*v|name|1*"]).await.unwrap();
        let keys = keys.as_array().unwrap().iter().filter_map(|key| key.as_str());
        match keys.into_iter().find(|key| !key.ends_with(":lease")) {
            Some(found) => {
                key = found.to_owned();
                true
            }
            None => false,
        }
    })
    .await;
    redis.command(&["SETRANGE", &key, "60", "garbage"]).await.unwrap();
    assert!(!b.names.get(&1).await.is_cached());
    assert_eq!(misses(&b.names.stats()), "unreadable 1");
    assert_eq!(get(&b.names, &database, 1).await.as_deref(), Some("Ada"));
    redis.command(&["SET", &key, "not a value"]).await.unwrap();
    let other = instance(&redis).await;
    assert_eq!(get(&other.names, &database, 1).await.as_deref(), Some("Ada"));
}

/// A lease whose holder was killed does not hold others up for longer than a second.
#[tokio::test]
async fn the_lease_of_an_instance_that_vanished_is_taken_over() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let gate = database.hold();
    let stuck = tokio::spawn({
        let (names, database) = (a.names.clone(), database.clone());
        async move { get(&names, &database, 1).await }
    });
    gate.arrived(1).await;
    a.proxy.blackhole();
    database.release();
    let begun = Instant::now();
    assert_eq!(soon("a load", get(&b.names, &database, 1)).await.as_deref(), Some("Ada"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    gate.open();
    let _ = stuck.await;
}

/// Rule 18: "`Deferred`: nothing is stored, in memory neither."
#[tokio::test]
async fn a_write_while_redis_is_away_is_committed_and_stores_nothing() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "old"));
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    get(&a.names, &database, 1).await;
    eventually("it is shared", async || b.names.get(&1).await.is_cached()).await;
    a.proxy.refuse();
    a.proxy.cut().await;
    let write = a.names.begin_write(&1);
    database.set(1, "new");
    let written = write.finish("new".to_owned()).await;
    assert_eq!(written.invalidation(), InvalidationOutcome::Deferred);
    assert!(!written.is_cached());
    assert!(!a.names.get_cached(&1).is_cached());
    assert_eq!(get(&a.names, &database, 1).await.as_deref(), Some("new"));
    a.proxy.pass();
    eventually("the other instance learns of it", async || {
        get(&b.names, &database, 1).await.as_deref() == Some("new")
    })
    .await;
}

/// Rule 18: "The value has no `filled_at` of its own: rule 10 judges it as if it had been
/// promoted."
#[tokio::test]
async fn a_written_value_is_used_only_while_the_log_is_confirmed() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "old"));
    let Instance { names, proxy, clock, .. } = instance(&redis).await;
    let written = names.begin_write(&1).finish("new".to_owned()).await;
    assert!(written.is_cached());
    assert!(names.get_cached(&1).is_cached());
    proxy.refuse();
    proxy.cut().await;
    clock.advance(TOO_LONG);
    assert!(!names.get_cached(&1).is_cached());
    database.set(1, "newer");
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("newer"));
}
