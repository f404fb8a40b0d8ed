//! Instances that share values through a real Redis.

use std::time::Duration;

use larder::outcome::Tier;
use larder::values::Cached;
use larder::{Cache, InvalidationOutcome, Tag};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use larder_tests::redis::eventually;
use tokio::task::JoinSet;

use crate::support::{Database, Names, builder, calls, get, joins, names, ready, soon};

async fn instance(redis: &RedisServer) -> Cache {
    let store = RedisStore::builder(&redis.url()).command_timeout(Duration::from_secs(10));
    let cache = Cache::builder().shared_store(store.connect().unwrap());
    let cache = ready(cache.invalidation_timeout(Duration::from_secs(10))).await;
    joins(&cache.values("probe").build().unwrap()).await;
    cache
}

/// Waits until the value of this key is stored in Redis.
async fn is_shared(names: &Names, redis: &RedisServer) {
    let name = format!("{}|", names.name());
    eventually("the value is stored in Redis", async || {
        let keys = redis.command(&["KEYS", "*"]).await.unwrap();
        let keys = keys.as_array().unwrap().iter().filter_map(|key| key.as_str());
        keys.into_iter().any(|key| key.contains(&name) && !key.ends_with(":lease"))
    })
    .await;
}

#[tokio::test]
async fn a_load_on_one_instance_is_a_hit_on_the_other() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let (a, b) = (names(&instance(&redis).await), names(&instance(&redis).await));
    assert_eq!(get(&a, &database, 1).await.as_deref(), Some("Ada"));
    is_shared(&a, &redis).await;
    let entry = b.entry(&1).await.unwrap();
    assert_eq!((entry.tier, entry.tags.len()), (Tier::Shared, 2));
    assert_eq!(get(&b, &database, 1).await.as_deref(), Some("Ada"));
    assert_eq!(database.loads(), 1);
    // `entry` has put it into memory.
    assert_eq!(b.stats().hits_memory, 1);
}

/// An absence is shared like a value.
#[tokio::test]
async fn an_absence_is_shared() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::default());
    let negative = |cache: &Cache| builder(cache).negative_ttl(crate::support::TTL).build().unwrap();
    let (a, b) = (negative(&instance(&redis).await), negative(&instance(&redis).await));
    assert_eq!(get(&a, &database, 1).await, None);
    is_shared(&a, &redis).await;
    assert_eq!(b.get(&1).await, Cached::Absence);
    assert_eq!(b.stats().hits_shared, 1);
}

#[tokio::test]
async fn eight_instances_are_one_load() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let mut caches = Vec::new();
    for _ in 0..8 {
        caches.push(instance(&redis).await);
    }
    let instances: Vec<_> = caches.iter().map(names).collect();
    let gate = database.hold();
    let mut calls = JoinSet::new();
    for names in instances.iter().cycle().take(80) {
        let (names, database) = (names.clone(), database.clone());
        calls.spawn(async move { get(&names, &database, 1).await });
    }
    gate.arrived(1).await;
    eventually("seven instances wait for the eighth", async || {
        caches.iter().map(|cache| cache.stats().leases_awaited).sum::<u64>() == 7
    })
    .await;
    gate.open();
    let answers = soon("all answers", calls.join_all()).await;
    assert!(answers.iter().all(|answer| answer.as_deref() == Some("Ada")));
    assert_eq!(database.loads(), 1);
    assert_eq!(instances.iter().map(|names| names.stats().collapsed).sum::<u64>(), 79);
}

/// One invalidation, on any instance, reaches the values on all of them.
#[tokio::test]
async fn an_invalidation_on_one_instance_is_seen_on_the_other() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "v0"));
    let (cache_a, cache_b) = (instance(&redis).await, instance(&redis).await);
    let (a, b) = (names(&cache_a), names(&cache_b));
    for round in 1..10 {
        let old = format!("v{}", round - 1);
        assert_eq!(get(&a, &database, 1).await.as_deref(), Some(&*old));
        assert_eq!(get(&b, &database, 1).await.as_deref(), Some(&*old));
        let new = format!("v{round}");
        database.set(1, &new);
        let outcome = match round % 2 {
            0 => a.invalidate(&1).await,
            _ => cache_a.invalidate(Tag::new("name:1")).await,
        };
        assert_eq!(outcome, InvalidationOutcome::Applied);
        // P1: this instance does not return it again.
        assert_eq!(get(&a, &database, 1).await.as_deref(), Some(&*new));
        eventually("the other instance has it", async || {
            get(&b, &database, 1).await.as_deref() == Some(&*new)
        })
        .await;
    }
}

/// The value of a load that was overtaken is written to Redis late, and refused there.
#[tokio::test]
async fn a_load_that_was_overtaken_is_not_served_by_another_instance() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "old"));
    let (a, b) = (names(&instance(&redis).await), names(&instance(&redis).await));
    let gate = database.hold();
    let slow = tokio::spawn({
        let (a, database) = (a.clone(), database.clone());
        async move { get(&a, &database, 1).await }
    });
    gate.arrived(1).await;
    database.set(1, "new");
    assert_eq!(b.invalidate(&1).await, InvalidationOutcome::Applied);
    database.release();
    // It waits for no lease whose load is invalidated.
    assert_eq!(soon("a load of its own", get(&b, &database, 1)).await.as_deref(), Some("new"));
    gate.open();
    assert_eq!(slow.await.unwrap().as_deref(), Some("old"));
    eventually("A knows of the invalidation", async || get(&a, &database, 1).await.as_deref() == Some("new"))
        .await;
    for names in [&a, &b] {
        assert_eq!(get(names, &database, 1).await.as_deref(), Some("new"));
    }
}

/// An invalidated value is removed from Redis in the background, found by its key.
#[tokio::test]
async fn the_memory_of_an_invalidated_value_is_freed() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let names = names(&instance(&redis).await);
    get(&names, &database, 1).await;
    is_shared(&names, &redis).await;
    assert_eq!(names.invalidate(&1).await, InvalidationOutcome::Applied);
    eventually("the value is gone", async || {
        let keys = redis.command(&["KEYS", "*v|name|1*"]).await.unwrap();
        keys.as_array().unwrap().is_empty()
    })
    .await;
}

/// A hundred values are one round trip.
#[tokio::test]
async fn many_values_are_read_in_one_command() {
    let redis = RedisServer::start().await.unwrap();
    let (a, b) = (names(&instance(&redis).await), names(&instance(&redis).await));
    let load = |missing: Vec<u64>| async move {
        Ok::<_, std::io::Error>(missing.into_iter().map(|id| (id, format!("name {id}"))).collect::<Vec<_>>())
    };
    let ids: Vec<u64> = (0..200).collect();
    a.get_many_or_load(&ids, load).await.unwrap();
    eventually("all are stored in Redis", async || {
        let keys = redis.command(&["KEYS", "*name|*"]).await.unwrap();
        let keys = keys.as_array().unwrap().iter().filter_map(|key| key.as_str());
        keys.filter(|key| !key.ends_with(":lease")).count() == 200
    })
    .await;
    let calls = async |command| calls(&redis, command).await;
    // The first read learns how large these values are.
    b.get_many_or_load(&ids[..100], load).await.unwrap();
    let before = (calls("mget").await, calls("get").await);
    b.get_many_or_load(&ids[100..], load).await.unwrap();
    assert_eq!((calls("mget").await, calls("get").await), (before.0 + 1, before.1));
    assert_eq!(b.stats().hits_shared, 200);
}
