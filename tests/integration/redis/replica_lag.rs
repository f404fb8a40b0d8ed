//! Handlers that read a database replica, which lags until the test lets it catch up.

use std::time::Duration;

use larder::{InvalidationOutcome, Tag};
use larder_tests::redis::{Instance, REPLICA_LAG, Setup, TickingClock, World, eventually};

const PATH: &str = "/replicas/1";
/// More than the error that the log allows for its moments.
const MARGIN: Duration = Duration::from_secs(10);

/// Two instances with one clock, long after the log has begun.
async fn instances() -> (World, TickingClock, Instance, Instance) {
    let (world, clock) = (World::new().await, TickingClock::default());
    let setup = || Setup { clock: Some(clock.clone()), ..Setup::default() };
    let (a, b) = (world.joined(setup()).await, world.joined(setup()).await);
    advance(&clock, REPLICA_LAG + MARGIN, [&a, &b]).await;
    (world, clock, a, b)
}

async fn advance(clock: &TickingClock, by: Duration, instances: [&Instance; 2]) {
    clock.advance(by);
    for instance in instances {
        instance.catches_up().await;
    }
}

#[tokio::test]
async fn once_the_lag_has_passed_no_instance_shows_an_older_row() {
    let (world, clock, a, b) = instances().await;
    assert_eq!(a.hits(PATH).await.text(), "v1");
    let value = world.truth.change(1);
    assert_eq!(value, 2);
    a.applies(Tag::new("value:1")).await;
    b.catches_up().await;
    // Another instance than the one that invalidated stores the old row for a while.
    let runs = b.runs();
    assert_eq!(b.get(PATH).await.text(), "v1");
    assert_eq!(b.runs(), runs + 1);
    assert_eq!(b.hits(PATH).await.text(), "v1");
    assert_eq!(a.hits(PATH).await.text(), "v1", "from the shared tier, with its limit");
    advance(&clock, REPLICA_LAG / 2, [&a, &b]).await;
    assert_eq!(a.hits(PATH).await.text(), "v1");

    world.truth.replicate(1);
    advance(&clock, REPLICA_LAG / 2, [&a, &b]).await;
    assert_eq!(a.get(PATH).await.text(), "v2");
    assert_eq!(b.get(PATH).await.text(), "v2");
    // After the lag, a response has its whole lifetime again.
    advance(&clock, MARGIN, [&a, &b]).await;
    assert_eq!(a.hits(PATH).await.text(), "v2");
    advance(&clock, 10 * REPLICA_LAG, [&a, &b]).await;
    assert_eq!(a.get(PATH).await.field("x-cache"), "HIT");
}

/// The position of such a fill does not cover the event, so that the log refuses its response.
#[tokio::test]
async fn an_invalidation_elsewhere_that_is_read_during_the_fill_refuses_it() {
    let (world, _clock, a, b) = instances().await;
    let gate = b.hold(1);
    let fill = tokio::spawn(b.call(PATH));
    gate.arrived(1).await;
    let _ = world.truth.change(1);
    a.applies(Tag::new("value:1")).await;
    b.catches_up().await;
    gate.open();
    assert_eq!(fill.await.unwrap().text(), "v1");
    world.truth.replicate(1);
    assert_eq!(b.get(PATH).await.text(), "v2");
    assert_eq!(a.get(PATH).await.text(), "v2");
}

/// The instance counts from the moment at which the invalidation was deferred. The others count
/// from the moment at which it reached the log.
#[tokio::test]
async fn a_deferred_invalidation_counts_too() {
    let (world, clock, a, b) = instances().await;
    a.proxy.blackhole();
    let _ = world.truth.change(1);
    assert_eq!(a.invalidate(1).await, InvalidationOutcome::Deferred);
    assert_eq!(a.get(PATH).await.text(), "v1");
    clock.advance(REPLICA_LAG);
    world.truth.replicate(1);
    assert_eq!(a.get(PATH).await.text(), "v2");

    let _ = world.truth.change(1);
    a.proxy.pass();
    a.catches_up().await;
    b.catches_up().await;
    assert_eq!(b.get(PATH).await.text(), "v2");
    advance(&clock, REPLICA_LAG, [&a, &b]).await;
    world.truth.replicate(1);
    eventually("b shows the new row", async || b.get(PATH).await.text() == "v3").await;
}
