//! Fills that store nothing, seen from waiting requests on other instances.

use std::time::Duration;

use larder::Invalidation;
use larder_testing::Direction::ToServer;
use larder_testing::Gate;
use larder_tests::redis::Answer;
use larder_tests::redis::Instance;
use larder_tests::redis::Setup;
use larder_tests::redis::TickingClock;
use larder_tests::redis::World;
use larder_tests::redis::eventually;
use tokio::task::JoinHandle;
use tokio::task::yield_now;

use super::support::{all_are_given_up, answers, ask, leases, many, three, waits};

#[tokio::test]
async fn the_answer_of_a_failing_handler_reaches_all_who_waited_and_nobody_else() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    assert_eq!(world.truth.change(1), 2);
    let gate = a.hold(1);
    let mut asked = many(20, &a, "/fickle/1");
    gate.arrived(1).await;
    asked.extend(many(20, &b, "/fickle/1"));
    waits(&b, 1).await;
    gate.open();
    for answer in answers(asked).await {
        assert_eq!((answer.status.as_u16(), answer.text()), (503, "v2"));
    }
    assert_eq!((a.runs(), b.runs()), (1, 0));
    for instance in [&a, &b] {
        all_are_given_up(&world).await;
        assert_eq!(instance.get("/fickle/1").await.status, 503);
        assert_eq!(instance.runs(), 1 + usize::from(instance.address == a.address));
    }
}

/// A lease whose release is on its way to Redis, although its run is over.
struct Unreleased {
    _world: World,
    _holder: Instance,
    others: [Instance; 2],
    joined: Vec<JoinHandle<Answer>>,
    release: Gate,
}

/// A run fails on one instance while `joined` requests wait for it on another.
async fn unreleased(joined: usize) -> Unreleased {
    let clock = TickingClock::default();
    let world = World::new().await;
    let setup = Setup { clock: Some(clock.clone()), ..Setup::default() };
    let [a, b, c] =
        [world.joined(setup.clone()).await, world.joined(setup.clone()).await, world.joined(setup).await];
    assert_eq!(world.truth.change(1), 2);
    let (run, release) = (a.hold(1), a.proxy.hold(ToServer, b"text/plain"));
    let failed = ask(&a, "/fickle/1");
    run.arrived(1).await;
    let joined = many(joined, &b, "/fickle/1");
    waits(&b, u64::from(!joined.is_empty())).await;
    clock.advance(Duration::from_millis(5));
    run.open();
    assert_eq!(failed.await.unwrap().status, 503);
    release.arrived(1).await;
    assert_eq!(leases(&world).await.len(), 1);
    clock.advance(Duration::from_millis(5));
    let _ = (world.truth.change(1), world.truth.change(1));
    assert_eq!(world.truth.change(1), 5);
    Unreleased { _world: world, _holder: a, others: [b, c], joined, release }
}

#[tokio::test]
async fn a_failure_reaches_no_instance_that_asked_after_it() {
    let failed = unreleased(0).await;
    let other = &failed.others[1];
    let late = ask(other, "/fickle/1");
    waits(other, 1).await;
    failed.release.open();
    assert_eq!(late.await.unwrap().text(), "v5");
    assert_eq!(other.runs(), 1);
}

#[tokio::test]
async fn a_failure_reaches_no_follower_that_joined_after_it() {
    let failed = unreleased(2).await;
    let late = many(2, &failed.others[0], "/fickle/1");
    // A request joins when its task is polled first.
    yield_now().await;
    failed.release.open();
    for answer in answers(failed.joined).await {
        assert_eq!((answer.status.as_u16(), answer.text()), (503, "v2"));
    }
    for answer in answers(late).await {
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "v5"));
    }
    assert_eq!(failed.others[0].runs(), 1);
}

#[tokio::test]
async fn where_the_handler_fails_what_is_stale_stands_in_on_every_instance_that_waited() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.get("/fickle-patient/1").await;
    world.stored_as("/fickle-patient/1").await;
    b.hits("/fickle-patient/1").await;
    assert_eq!(world.truth.change(1), 2);
    let soft = Invalidation::tag("value:1").soft();
    a.applies(soft).await;
    b.catches_up().await;

    let gate = a.hold(1);
    let first = ask(&a, "/fickle-patient/1");
    gate.arrived(1).await;
    let second = ask(&b, "/fickle-patient/1");
    waits(&b, 1).await;
    gate.open();
    for answer in [first.await.unwrap(), second.await.unwrap()] {
        assert_eq!((answer.text(), answer.outcome().as_str()), ("v1", "STALE memory, stale-if-error"));
    }
    assert_eq!((a.runs(), b.runs()), (2, 0));
}

#[tokio::test]
async fn a_response_that_cannot_be_stored_lets_all_go_at_once_and_is_remembered_on_every_instance() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/private/1");
    gate.arrived(1).await;
    let others = many(20, &b, "/private/1");
    waits(&b, 1).await;
    // The first run among them waits at a gate. The others do not wait for it.
    let held = b.hold(1);
    gate.open();
    held.arrived(1).await;
    eventually("the others have run", async || b.runs() == 20).await;
    held.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    answers(others).await;
    for instance in [&a, &b] {
        assert_eq!(instance.get("/private/1").await.outcome(), "MISS pass, not stored: private");
    }
    // A later instance learns it from Redis.
    let c = world.instance().await;
    let before = c.cache.stats().leases_acquired;
    c.get("/private/1").await;
    assert_eq!(c.cache.stats().leases_acquired, before);
    assert_eq!(c.get("/private/1").await.outcome(), "MISS pass, not stored: private");
    assert_eq!(c.cache.stats().leases_awaited, 0);
}

/// If one fill followed the other, the last instance would wait for all of them.
#[tokio::test]
async fn a_response_that_is_never_fresh_lets_all_go_at_once() {
    let world = World::new().await;
    let [a, b, c] = three(&world).await;
    let gate = a.hold(1);
    let first = ask(&a, "/brief/1");
    gate.arrived(1).await;
    let held = [b.hold(1), c.hold(1)];
    let others = [ask(&b, "/brief/1"), ask(&c, "/brief/1")];
    waits(&b, 1).await;
    waits(&c, 1).await;
    gate.open();
    for gate in &held {
        gate.arrived(1).await;
    }
    let taken_over = [&b, &c].map(|instance| instance.cache.stats().leases_taken_over);
    assert_eq!(taken_over, [0, 0], "without a lease");
    held.iter().for_each(Gate::open);
    for answer in [first].into_iter().chain(others) {
        assert_eq!(answer.await.unwrap().text(), "v1");
    }
}

/// An instance learns from the stored response that the next one is for one request alone.
#[tokio::test]
async fn requests_for_a_stored_response_that_is_never_fresh_wait_for_no_other_instance() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.get("/brief/1").await;
    world.stored_as("/brief/1").await;
    let (held, other) = (b.hold(1), a.hold(1));
    let first = ask(&a, "/brief/1");
    other.arrived(1).await;
    let burst = many(20, &b, "/brief/1");
    held.arrived(1).await;
    eventually("the others have run", async || b.runs() == 20).await;
    assert_eq!(b.cache.stats().leases_awaited, 0);
    held.open();
    other.open();
    for answer in answers(burst).await.into_iter().chain([first.await.unwrap()]) {
        assert_eq!((answer.text(), answer.field("x-cache")), ("v1", "MISS"));
    }
}
