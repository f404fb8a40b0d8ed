//! Redis, or the connection to it, is down for a while: before the start or later, for one instance
//! or for all.

use std::time::Duration;

use larder::{Invalidation, InvalidationOutcome};
use larder_testing::Direction::ToClient;
use larder_tests::redis::{Instance, Setup, TickingClock, World, eventually};

/// Longer than the bound on staleness.
const TOO_LONG: Duration = Duration::from_millis(2_001);

/// Starts an instance with a clock of its own and a short timeout for Redis.
async fn with_clock(world: &World) -> (Instance, TickingClock) {
    let clock = TickingClock::default();
    let setup =
        Setup { command_timeout: Duration::from_millis(50), clock: Some(clock.clone()), ..Setup::default() };
    (world.joined(setup).await, clock)
}

#[tokio::test]
async fn an_instance_starts_without_redis_serves_and_joins_when_it_comes() {
    let world = World::new().await;
    world.redis.kill();
    let clock = TickingClock::default();
    let setup = Setup { clock: Some(clock.clone()), ..Setup::default() };
    let a = world.start(setup).await;
    let first = a.get("/values/1").await;
    assert_eq!((first.status.as_u16(), first.text(), first.outcome().as_str()), (200, "v1", "MISS starting"));
    // It knows everything that it did itself since then, and other instances may lag only by the
    // bound.
    assert_eq!(a.get("/values/1").await.outcome(), "HIT memory");
    assert_eq!(a.update(1).await, InvalidationOutcome::Deferred);
    assert_eq!(a.get("/values/1").await.text(), "v2");
    clock.advance(TOO_LONG);
    assert_eq!(a.get("/values/1").await.outcome(), "MISS unconfirmed");

    world.redis.restart().await.unwrap();
    a.joins().await;
    let b = world.instance().await;
    a.hits("/values/2").await;
    world.stored_as("/values/2").await;
    assert_eq!(b.get("/values/2").await.outcome(), "HIT shared");
    assert_eq!(a.update(2).await, InvalidationOutcome::Applied);
    b.shows("/values/2", "v2").await;
}

/// Rule 10: an instance that cannot confirm serves nothing that was filled longer ago than the
/// bound. It still protects hot keys.
#[tokio::test]
async fn a_detached_instance_serves_nothing_filled_longer_ago_than_the_bound() {
    let world = World::new().await;
    let (b, clock) = with_clock(&world).await;
    let a = world.instance().await;
    b.hits("/values/1").await;
    b.proxy.blackhole();
    assert_eq!(a.update(1).await, InvalidationOutcome::Applied);
    for value in ["v2", "v3", "v4"] {
        clock.advance(TOO_LONG);
        let answer = b.get("/values/1").await;
        assert_eq!((answer.text(), answer.outcome().as_str()), (value, "MISS unconfirmed"));
        assert_eq!(b.get("/values/1").await.outcome(), "HIT memory");
        assert_eq!(a.update(1).await, InvalidationOutcome::Applied);
    }
    b.proxy.pass();
    b.shows("/values/1", "v5").await;
    b.joins().await;
    b.hits("/values/1").await;
}

/// Rule 10 for validated responses: a handler that compares dates in whole seconds answers 304
/// although the value has changed.
#[tokio::test]
async fn a_detached_instance_does_not_take_what_it_validates_for_filled() {
    let world = World::new().await;
    let (b, clock) = with_clock(&world).await;
    let a = world.instance().await;
    b.hits("/dated/1").await;
    b.proxy.blackhole();
    assert_eq!(a.update(1).await, InvalidationOutcome::Applied);
    clock.advance(TOO_LONG * 3 / 4);
    let softly = Invalidation::tag("value:1").soft();
    assert_eq!(b.cache.invalidate(softly).await, InvalidationOutcome::Deferred);
    let runs = b.runs();
    assert_eq!(b.get("/dated/1").await.text(), "v1");
    assert_eq!(b.runs(), runs + 1, "it was validated");
    clock.advance(TOO_LONG * 3 / 4);
    assert_eq!(b.get("/dated/1").await.text(), "v2");
}

/// Rules 10 and 12: the instance reaches the responses in Redis but not the log, so it trusts none
/// of them.
#[tokio::test]
async fn without_the_log_the_shared_tier_is_not_trusted() {
    let world = World::new().await;
    let (b, clock) = with_clock(&world).await;
    let a = world.instance().await;
    // This text occurs only in answers to polls.
    let info = world.redis.command(&["INFO", "server"]).await.unwrap();
    let run_id = info.as_str().unwrap().lines().find_map(|line| line.strip_prefix("run_id:"));
    let looks = b.proxy.hold(ToClient, run_id.unwrap());
    // At most one alarm later, the next poll is delayed for longer than the bound.
    looks.arrived(1).await;
    clock.advance(TOO_LONG);
    a.get("/values/1").await;
    world.stored_as("/values/1").await;
    let answer = b.get("/values/1").await;
    assert_eq!((answer.text(), answer.outcome().as_str()), ("v1", "MISS unconfirmed"));
    looks.open();
    b.joins().await;
    a.get("/values/2").await;
    world.stored_as("/values/2").await;
    assert_eq!(b.get("/values/2").await.outcome(), "HIT shared");
}

#[tokio::test]
async fn an_invalidation_without_redis_is_deferred_holds_here_and_is_appended_later() {
    let world = World::new().await;
    let (a, _) = with_clock(&world).await;
    let b = world.instance().await;
    a.hits("/values/1").await;
    b.hits("/values/1").await;
    a.hits("/values/2").await;

    a.proxy.blackhole();
    assert_eq!(a.update(1).await, InvalidationOutcome::Deferred);
    let answer = a.get("/values/1").await;
    assert_eq!(answer.text(), "v2", "{}", answer.outcome());
    assert!(a.update(1).await.require_applied().is_err());
    assert_eq!(a.get("/values/1").await.text(), "v3");
    assert_eq!(a.get("/values/2").await.outcome(), "HIT memory");
    assert_eq!(b.get("/values/1").await.outcome(), "HIT memory");

    a.proxy.pass();
    b.shows("/values/1", "v3").await;
    a.joins().await;
    assert_eq!(a.get("/values/1").await.text(), "v3");
    assert_eq!(a.update(1).await, InvalidationOutcome::Applied);
}

/// The outbox is bounded. On overflow, it becomes one invalidation of everything.
#[tokio::test]
async fn more_deferred_invalidations_than_are_kept_become_one_of_everything() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/values/1").await;
    b.hits("/values/1").await;
    b.hits("/values/2").await;
    a.proxy.refuse();
    a.proxy.cut().await;
    assert_eq!(a.update(1).await, InvalidationOutcome::Deferred);
    for number in 0..1_100 {
        let tag = larder::Tag::new(format!("other:{number}"));
        assert_eq!(a.cache.invalidate(tag).await, InvalidationOutcome::Deferred);
    }
    assert_eq!(a.get("/values/1").await.text(), "v2");
    let _ = world.truth.change(2);
    a.proxy.pass();
    b.shows("/values/1", "v2").await;
    b.shows("/values/2", "v2").await;
    a.joins().await;
    a.hits("/values/2").await;
}

/// Rule 12: until the instance's own tail has passed the deferred events, responses in Redis may be
/// older than they are.
#[tokio::test]
async fn an_old_response_in_redis_does_not_come_back_with_redis() {
    let world = World::new().await;
    let (a, _) = with_clock(&world).await;
    let b = world.instance().await;
    b.get("/values/1").await;
    world.stored_as("/values/1").await;
    a.proxy.refuse();
    a.proxy.cut().await;
    assert_eq!(a.update(1).await, InvalidationOutcome::Deferred);
    a.proxy.pass();
    let mut outcomes = Vec::new();
    eventually("it has joined", async || {
        let answer = a.get("/values/1").await;
        outcomes.push(answer.outcome());
        assert_eq!(answer.text(), "v2", "{outcomes:?}");
        // A fill of its own would hide the response in Redis.
        a.invalidate(1).await == InvalidationOutcome::Applied
    })
    .await;
    assert_eq!(a.get("/values/1").await.text(), "v2");
}

#[tokio::test]
async fn many_requests_at_once_run_one_handler_though_redis_is_away() {
    let world = World::new().await;
    let (a, _) = with_clock(&world).await;
    a.proxy.refuse();
    a.proxy.cut().await;
    let gate = a.hold(1);
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let request = http::Request::get("/values/1").body(bytes::Bytes::new()).unwrap();
        asked.spawn(larder_tests::redis::send(a.address, request));
    }
    gate.arrived(1).await;
    gate.open();
    for answer in asked.join_all().await {
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "v1"));
    }
    assert_eq!(a.runs(), 1);
}
