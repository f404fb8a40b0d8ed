//! Advice about a real Redis, and about the instances that share it.

use std::time::Duration;

use larder::InvalidationOutcome;
use larder::advice::AdviceKind;
use larder_testing::Direction::ToClient;
use larder_tests::redis::{Instance, Setup, TickingClock, World, eventually};

async fn kinds(instance: &Instance) -> Vec<AdviceKind> {
    instance.cache.advice().await.into_iter().map(|advice| advice.kind).collect()
}

#[tokio::test]
async fn the_settings_of_the_memory_of_redis_are_judged() {
    let world = World::new().await;
    let instance = world.instance().await;
    let with = async |limit: &str, policy: &str| {
        world.command(&["CONFIG", "SET", "maxmemory", limit]).await;
        world.command(&["CONFIG", "SET", "maxmemory-policy", policy]).await;
        kinds(&instance).await
    };
    assert_eq!(with("0", "noeviction").await, [AdviceKind::NoMaxmemory]);
    assert_eq!(with("1gb", "noeviction").await, [AdviceKind::EvictsNothing]);
    assert_eq!(with("1gb", "allkeys-lru").await, [AdviceKind::EvictsEverything]);
    assert_eq!(with("1gb", "volatile-lfu").await, []);
}

#[tokio::test]
async fn the_memory_that_stored_responses_need_is_estimated() {
    let world = World::new().await;
    let instance = world.instance().await;
    for id in 0..20 {
        instance.get(&format!("/values/{id}")).await;
    }
    eventually("the responses are there", async || {
        instance.cache.store_stats().await.unwrap().expiring_keys >= Some(20)
    })
    .await;
    // All memory of the server counts, so this limit is nearly reached.
    let used = instance.cache.store_stats().await.unwrap().memory_used.unwrap();
    world.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lfu"]).await;
    world.command(&["CONFIG", "SET", "maxmemory", &(used + used / 20).to_string()]).await;
    let advice = instance.cache.advice().await;
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!(advice[0].kind, AdviceKind::StoreTooSmall);
    let estimate = advice[0].evidence["estimated_bytes"];
    // Each response takes some hundred bytes.
    assert!((20.0 * 300.0..20.0 * 3_000.0).contains(&estimate), "{estimate}");
}

#[tokio::test]
async fn an_instance_that_has_not_read_the_log_is_named() {
    let world = World::new().await;
    world.command(&["CONFIG", "SET", "maxmemory", "1gb"]).await;
    world.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lfu"]).await;
    let clock = TickingClock::default();
    let (a, b) = (
        world.instance().await,
        world.joined(Setup { clock: Some(clock.clone()), ..Setup::default() }).await,
    );
    // This text occurs only in answers to polls.
    let info = world.redis.command(&["INFO", "server"]).await.unwrap();
    let run_id = info.as_str().unwrap().lines().find_map(|line| line.strip_prefix("run_id:"));
    let polls = b.proxy.hold(ToClient, run_id.unwrap());
    polls.arrived(1).await;
    assert_eq!(a.update(1).await, InvalidationOutcome::Applied);
    let behind = format!("instance {}", b.cache.instance_id());
    eventually("it is behind", async || {
        clock.advance(Duration::from_millis(2_001));
        let advice = a.cache.advice().await;
        advice.iter().any(|one| one.kind == AdviceKind::InstanceBehind && one.subject == behind)
    })
    .await;
    polls.open();
}
