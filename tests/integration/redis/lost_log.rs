//! An instance misses an invalidation, and then finds that the log no longer contains it.

use std::time::Duration;

use larder::{InvalidationOutcome, Tag};
use larder_testing::RedisServer;
use larder_tests::redis::{EVENTS, INCARNATION, Instance, Setup, TickingClock, Truth, World, eventually};

/// Both instances have the value in memory. Then one is cut off, and the other changes the value.
async fn missed_by_b(world: &World) -> (Instance, Instance) {
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/values/1").await;
    b.hits("/values/1").await;
    b.proxy.blackhole();
    a.changes(1).await;
    (a, b)
}

/// Reconnects the instance without pending messages. It then has to notice the gap.
async fn found_out_by(instance: &Instance) {
    instance.proxy.cut().await;
    instance.proxy.pass();
    // Time stands still, so that only the log can make it refuse its responses.
    eventually("it reads the log", async || {
        instance.cache.invalidate(Tag::new("marker")).await == InvalidationOutcome::Applied
    })
    .await;
    let answer = instance.get("/values/1").await;
    assert_eq!(answer.text(), "v2", "{}", answer.outcome());
}

/// Faults are over: responses are filled and served on both instances (P3 of the log).
async fn all_is_well(world: &World, a: &Instance, b: &Instance) {
    for (one, other, path) in [(a, b, "/values/11"), (b, a, "/values/12")] {
        one.joins().await;
        other.joins().await;
        one.hits(path).await;
        world.stored_as(path).await;
        eventually("hits are shared", async || other.get(path).await.field("x-cache") == "HIT").await;
    }
    for instance in [a, b] {
        assert_eq!(instance.get("/values/1").await.text(), "v2");
    }
}

#[tokio::test]
async fn the_event_arrives_late() {
    let world = World::new().await;
    let (a, b) = missed_by_b(&world).await;
    found_out_by(&b).await;
    all_is_well(&world, &a, &b).await;
}

/// Rules 4 and 7: the event was trimmed before it was read.
#[tokio::test]
async fn the_stream_was_trimmed_to_nothing() {
    let world = World::new().await;
    let (a, b) = missed_by_b(&world).await;
    world.command(&["XTRIM", EVENTS, "MAXLEN", "0"]).await;
    found_out_by(&b).await;
    all_is_well(&world, &a, &b).await;
}

/// Newer events remain, so that the gap is in the middle of the events that the instance reads.
#[tokio::test]
async fn the_stream_was_trimmed_behind_a_newer_event() {
    let world = World::new().await;
    let (a, b) = missed_by_b(&world).await;
    a.catches_up().await;
    world.command(&["XTRIM", EVENTS, "MAXLEN", "1"]).await;
    found_out_by(&b).await;
    all_is_well(&world, &a, &b).await;
}

/// Rules 4 and 6: the log's key alone was deleted. The next poll starts a new incarnation.
#[tokio::test]
async fn the_log_alone_was_deleted() {
    let world = World::new().await;
    let (a, b) = missed_by_b(&world).await;
    world.command(&["DEL", EVENTS]).await;
    a.joins().await;
    found_out_by(&b).await;
    all_is_well(&world, &a, &b).await;
}

#[tokio::test]
async fn the_record_of_the_incarnation_alone_was_deleted() {
    let world = World::new().await;
    let (a, b) = missed_by_b(&world).await;
    world.command(&["DEL", INCARNATION]).await;
    found_out_by(&b).await;
    all_is_well(&world, &a, &b).await;
}

#[tokio::test]
async fn everything_was_deleted() {
    let world = World::new().await;
    let (a, b) = missed_by_b(&world).await;
    world.command(&["FLUSHALL"]).await;
    found_out_by(&b).await;
    all_is_well(&world, &a, &b).await;
}

#[tokio::test]
async fn the_log_became_something_else() {
    let world = World::new().await;
    let (a, b) = missed_by_b(&world).await;
    world.command(&["SET", EVENTS, "no stream"]).await;
    found_out_by(&b).await;
    all_is_well(&world, &a, &b).await;
}

#[tokio::test]
async fn redis_was_restarted_empty() {
    let world = World::new().await;
    let (a, b) = missed_by_b(&world).await;
    world.redis.restart().await.unwrap();
    found_out_by(&b).await;
    all_is_well(&world, &a, &b).await;
}

/// Rule 6: an old log and old responses come back, and the instance that wrote since then is gone
/// together with the event.
#[tokio::test]
async fn redis_came_back_from_a_backup() {
    let redis = RedisServer::builder().config("save 3600 1").start().await.unwrap();
    let world = World { redis, truth: Truth::default() };
    let (a, b) = (world.instance().await, world.instance().await);
    a.catches_up().await;
    a.hits("/values/1").await;
    b.hits("/values/1").await;
    world.stored_as("/values/1").await;
    world.command(&["SAVE"]).await;
    b.proxy.blackhole();
    a.changes(1).await;
    drop(a);
    world.redis.restart().await.unwrap();
    world.stored_as("/values/1").await;

    let c = world.instance().await;
    let answer = c.get("/values/1").await;
    assert_eq!(answer.text(), "v2", "{}", answer.outcome());
    // By ids alone, the log has only grown.
    c.catches_up().await;
    found_out_by(&b).await;
    all_is_well(&world, &c, &b).await;
}

/// Checks that polls succeed, but do not confirm the instance's responses.
async fn confirms_nothing(world: &World, instance: &Instance, clock: &TickingClock) {
    let scripts_run = async || {
        let reply = world.redis.command(&["INFO", "commandstats"]).await.unwrap();
        let lines = reply.as_str().unwrap().lines();
        let calls = lines.filter_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        calls.map(|rest| rest.split(',').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    // An earlier poll may count the first time.
    for _ in 0..3 {
        clock.advance(Duration::from_millis(2_100));
        let looks = scripts_run().await;
        eventually("it looks again", async || scripts_run().await >= looks + 2).await;
    }
    assert_eq!(instance.get("/values/1").await.outcome(), "MISS unconfirmed");
}

/// Rule 5: the primary is cut off from its replicas, which may have a new primary by now, and keeps
/// answering.
#[tokio::test]
async fn an_isolated_primary_does_not_confirm() {
    let world = World::new().await;
    let clock = TickingClock::default();
    let setup = Setup { clock: Some(clock.clone()), ..Setup::default() };
    let b = world.joined(setup).await;
    b.hits("/values/1").await;
    world.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    confirms_nothing(&world, &b, &clock).await;
    assert_eq!(b.invalidate(2).await, InvalidationOutcome::Deferred);
    world.command(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    b.joins().await;
    b.hits("/values/1").await;
}

/// Rule 5: the primary was demoted, and keeps answering forever.
#[tokio::test]
async fn an_instance_that_is_left_with_a_replica_is_not_confirmed() {
    let world = World::new().await;
    let clock = TickingClock::default();
    let setup = Setup { clock: Some(clock.clone()), ..Setup::default() };
    let b = world.joined(setup).await;
    b.hits("/values/1").await;
    let (primary, replica) = (RedisServer::start().await.unwrap(), &world.redis);
    let (host, port) = (primary.address().ip().to_string(), primary.address().port().to_string());
    replica.command(&["REPLICAOF", &host, &port]).await.unwrap();
    eventually("it can only be read", async || replica.command(&["SET", "a", "b"]).await.is_err()).await;
    confirms_nothing(&world, &b, &clock).await;
    let _ = world.truth.change(1);
    clock.advance(Duration::from_millis(2_100));
    assert_eq!(b.get("/values/1").await.text(), "v2");
}

/// Rule 8: more events are pending than one poll returns, and the last one counts.
#[tokio::test]
async fn many_events_were_missed() {
    let world = World::new().await;
    let clock = TickingClock::default();
    let setup = Setup { clock: Some(clock.clone()), ..Setup::default() };
    let (a, b) = (world.instance().await, world.joined(setup).await);
    b.hits("/values/1").await;
    b.proxy.blackhole();
    // From now on, only a poll that reached the end of the log can confirm.
    clock.advance(Duration::from_secs(3));
    let mut appends = tokio::task::JoinSet::new();
    for number in 0..2_500 {
        let cache = a.cache.clone();
        appends.spawn(async move { cache.invalidate(Tag::new(format!("other:{number}"))).await });
    }
    appends.join_all().await;
    let _ = world.truth.change(1);
    eventually("it is in the log, behind all the others", async || {
        a.invalidate(1).await == InvalidationOutcome::Applied
    })
    .await;
    b.proxy.cut().await;
    b.proxy.pass();
    b.joins().await;
    assert_eq!(b.get("/values/1").await.text(), "v2");
    all_is_well(&world, &a, &b).await;
}

/// Rule 8: an empty, trimmed log does not refuse every fill until the next event.
#[tokio::test]
async fn a_log_that_was_trimmed_to_nothing_lets_fills_be_served() {
    let world = World::new().await;
    let a = world.instance().await;
    a.catches_up().await;
    world.command(&["XTRIM", EVENTS, "MAXLEN", "0"]).await;
    let b = world.instance().await;
    for instance in [&a, &b] {
        instance.hits("/values/1").await;
    }
    assert_eq!(world.redis.command(&["XLEN", EVENTS]).await.unwrap().as_integer(), Some(0));
}

/// A deposed primary accepted an invalidation from an instance that did not notice the failover.
/// The log of the other instances began earlier, so that it refuses nothing.
#[tokio::test]
async fn an_invalidation_that_a_deposed_primary_took_reaches_the_promoted_one() {
    let deposed = World::new().await;
    let promoted = World { truth: deposed.truth.clone(), ..World::new().await };
    let (a, b) = (deposed.instance().await, promoted.instance().await);
    b.hits("/values/1").await;
    a.changes(1).await;
    assert_eq!(b.get("/values/1").await.text(), "v1", "it cannot have heard of that");
    a.proxy.lead_to(promoted.redis.address());
    a.proxy.cut().await;
    b.shows("/values/1", "v2").await;
    assert_eq!(a.get("/values/1").await.text(), "v2");
}
