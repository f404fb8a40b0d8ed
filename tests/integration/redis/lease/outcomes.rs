//! Fills that store nothing, seen from waiting requests on other instances.

use larder::Invalidation;
use larder_testing::Gate;
use larder_tests::redis::World;
use larder_tests::redis::eventually;

use super::support::{all_are_given_up, answers, ask, many, three, waits};

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
        // The lease is released in the background. An earlier request would join the fill that has
        // just ended.
        all_are_given_up(&world).await;
        assert_eq!(instance.get("/fickle/1").await.status, 503);
        assert_eq!(instance.runs(), 1 + usize::from(instance.address == a.address));
    }
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
        assert_eq!((answer.text(), answer.outcome().as_str()), ("v1", "STALE shared, stale-if-error"));
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
    let before = c.cache.stats().leases_taken;
    c.get("/private/1").await;
    assert_eq!(c.cache.stats().leases_taken, before);
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
