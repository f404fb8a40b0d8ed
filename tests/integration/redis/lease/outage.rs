//! A handler that fails for a while is asked by one instance at a time.

use std::time::Duration;

use larder::Invalidation;
use larder_tests::redis::{Instance, Setup, TickingClock, World};

use super::support::{ask, lease_of, many, waits};

const PATH: &str = "/failing/1";
/// The period in the policy of this route.
const PERIOD: Duration = Duration::from_secs(60);

/// Two instances that have a stale response and whose handler fails.
async fn failing(setup: impl Fn() -> Setup) -> (World, Instance, Instance) {
    let world = World::new().await;
    let (a, b) = (world.joined(setup()).await, world.joined(setup()).await);
    a.get(PATH).await;
    world.stored_as(PATH).await;
    assert_eq!(b.get(PATH).await.text(), "v1");
    assert_eq!(world.truth.change(1), 2);
    a.applies(Invalidation::tag("value:1").soft()).await;
    b.catches_up().await;
    (world, a, b)
}

async fn is_stale(instance: &Instance) {
    let answer = instance.get(PATH).await;
    assert_eq!((answer.text(), answer.field("x-cache")), ("v1", "STALE"));
}

/// Asks both instances several times. Only the first one asks its handler.
async fn one_run_for_both(world: &World, a: &Instance, b: &Instance) {
    let before = a.runs() + b.runs();
    is_stale(a).await;
    lease_of(world, PATH).await;
    for _ in 0..5 {
        is_stale(b).await;
        is_stale(a).await;
    }
    assert_eq!(a.runs() + b.runs() - before, 1, "b did not ask its handler");
}

#[tokio::test]
async fn a_failure_on_one_instance_counts_on_the_others() {
    let clock = TickingClock::default();
    let setup = || Setup { clock: Some(clock.clone()), max_staleness: 2 * PERIOD, ..Setup::default() };
    let (world, a, b) = failing(setup).await;
    let before = a.runs() + b.runs();
    one_run_for_both(&world, &a, &b).await;

    // The period is over, in Redis and for both instances.
    world.command(&["DEL", &lease_of(&world, PATH).await]).await;
    clock.advance(PERIOD);
    let gate = b.hold(1);
    let attempt = ask(&b, PATH);
    gate.arrived(1).await;
    for answer in many(5, &a, PATH).into_iter().chain(many(5, &b, PATH)) {
        assert_eq!(answer.await.unwrap().text(), "v1", "no request waits for the attempt");
    }
    assert_eq!(a.runs() + b.runs() - before, 2);
    waits(&a, 0).await;
    gate.open();
    assert_eq!(attempt.await.unwrap().text(), "v1");
}

/// A request without a stale response, here after an invalidation, has nothing else to get.
#[tokio::test]
async fn after_a_hard_invalidation_the_handler_is_asked_at_once() {
    let (world, a, b) = failing(Setup::default).await;
    is_stale(&a).await;
    lease_of(&world, PATH).await;
    is_stale(&b).await;
    assert_eq!((world.truth.change(1), world.truth.change(1), world.truth.change(1)), (3, 4, 5));
    b.applies(Invalidation::tag("value:1")).await;
    assert_eq!(b.get(PATH).await.text(), "v5");
    a.catches_up().await;
    assert_eq!(a.get(PATH).await.text(), "v5");
}

/// Nothing in memory says that the handler has failed, but Redis does.
#[tokio::test]
async fn without_memory_the_failure_counts_too() {
    let (world, a, b) = failing(|| Setup { memory: 0, ..Setup::default() }).await;
    one_run_for_both(&world, &a, &b).await;
}
