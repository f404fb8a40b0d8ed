//! The view of operators on instances with a real Redis, in health and in trouble.

use std::time::Duration;

use larder::store::StoreErrorKind;
use larder::{CircuitState, Instance as Listed, InstanceState, InvalidationOutcome, StoreState};
use larder_testing::Direction::{ToClient, ToServer};
use larder_tests::redis::{Instance, Setup, TickingClock, World, eventually};

const SIGHTS: &str = "larder:{larder:log}:sights";
const RECORDS: &str = "larder:{larder:log}:instances";
/// Longer than the bound on staleness.
const TOO_LONG: Duration = Duration::from_millis(2_001);

/// Returns what `viewer` sees of another instance, if it is listed.
async fn seen(viewer: &Instance, other: &Instance) -> Option<Listed> {
    let id = other.cache.instance_id();
    viewer.cache.instances().await.unwrap().into_iter().find(|listed| listed.record.id == id)
}

async fn state_of(viewer: &Instance, other: &Instance) -> Option<InstanceState> {
    seen(viewer, other).await.map(|listed| listed.state())
}

/// Waits until each of the two sees the other.
async fn both_listed(a: &Instance, b: &Instance) {
    for (viewer, other) in [(a, b), (b, a)] {
        eventually("it is listed", async || state_of(viewer, other).await == Some(InstanceState::Following))
            .await;
    }
}

#[tokio::test]
async fn two_caches_see_each_other_and_a_closed_one_disappears() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    both_listed(&a, &b).await;
    assert_eq!(a.cache.instances().await.unwrap().len(), 2);
    let listed = seen(&a, &b).await.unwrap();
    assert_eq!((listed.lag, listed.record.deferred), (Some(Duration::ZERO), 0));
    assert!(!listed.record.host.is_empty() && listed.record.circuits.is_empty(), "{listed:?}");

    assert!(b.cache.close().await.is_clean());
    assert_eq!(state_of(&a, &b).await, None);
    assert_eq!(a.cache.instances().await.unwrap().len(), 1);
}

/// The clock that counts is that of Redis, so the test moves what Redis has noted.
#[tokio::test]
async fn a_killed_instance_is_silent_and_then_forgotten() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    both_listed(&a, &b).await;
    let id = b.cache.instance_id().to_string();
    // Its process is gone for the others: nothing that it sends arrives.
    b.proxy.refuse();
    b.proxy.cut().await;
    let is_listed =
        async || a.cache.instances().await.unwrap().iter().any(|one| one.record.id.to_string() == id);
    let state = async || state_of(&a, &b).await;
    world.command(&["ZINCRBY", SIGHTS, "-15000", &id]).await;
    assert_eq!(state().await, Some(InstanceState::Silent));
    drop(b);
    world.command(&["ZINCRBY", SIGHTS, "-45001", &id]).await;
    assert!(!is_listed().await);
    eventually("its record is removed", async || {
        world.redis.command(&["HEXISTS", RECORDS, &id]).await.unwrap().as_integer() == Some(0)
    })
    .await;
}

#[tokio::test]
async fn an_instance_that_cannot_read_the_log_is_shown_as_detached_with_its_lag() {
    let world = World::new().await;
    let clock = TickingClock::default();
    let setup = Setup { clock: Some(clock.clone()), ..Setup::default() };
    let (a, b) = (world.instance().await, world.joined(setup).await);
    both_listed(&a, &b).await;
    // This text occurs only in answers to polls.
    let info = world.redis.command(&["INFO", "server"]).await.unwrap();
    let run_id = info.as_str().unwrap().lines().find_map(|line| line.strip_prefix("run_id:"));
    let polls = b.proxy.hold(ToClient, run_id.unwrap());
    polls.arrived(1).await;
    assert_eq!(a.update(1).await, InvalidationOutcome::Applied);
    eventually("it is detached", async || {
        // The answers are held, so some poll is under way when the clock goes on.
        clock.advance(TOO_LONG);
        let listed = seen(&a, &b).await.unwrap();
        listed.state() == InstanceState::Detached && listed.lag > Some(Duration::ZERO)
    })
    .await;
    let listed = seen(&a, &b).await.unwrap();
    assert!(listed.record.staleness_ratio().unwrap() > 1.0, "{listed:?}");
    assert!(!b.cache.health().caught_up);
    assert!(b.cache.health().staleness_ratio().unwrap() > 1.0);

    polls.open();
    eventually("it follows again", async || {
        let listed = seen(&a, &b).await;
        listed.is_some_and(|listed| {
            listed.state() == InstanceState::Following && listed.lag == Some(Duration::ZERO)
        })
    })
    .await;
    assert!(seen(&a, &b).await.unwrap().record.slow_polls > 0, "the clock went on during one");
    assert!(b.cache.stats().slow_polls > 0);
    assert_eq!(a.cache.stats().slow_polls, 0, "time stood still there");
}

/// The announcement is held back on its way to Redis. Nothing else waits for it.
#[tokio::test]
async fn an_announcement_that_hangs_delays_no_poll_and_no_hit() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    both_listed(&a, &b).await;
    b.hits("/values/1").await;
    let held = b.proxy.hold(ToServer, b.cache.instance_id().to_string());
    held.arrived(1).await;
    assert_eq!(b.get("/values/1").await.outcome(), "HIT memory");
    assert_eq!(b.update(1).await, InvalidationOutcome::Applied);
    assert_eq!(a.update(2).await, InvalidationOutcome::Applied);
    held.open();
}

#[tokio::test]
async fn a_redis_that_is_stopped_delays_no_request() {
    let world = World::new().await;
    let setup = || Setup { command_timeout: Duration::from_millis(300), ..Setup::default() };
    let (a, b) = (world.joined(setup()).await, world.joined(setup()).await);
    both_listed(&a, &b).await;
    a.hits("/values/1").await;
    assert_eq!(a.cache.health().circuit, Some(CircuitState::Closed));
    world.redis.pause().unwrap();
    eventually("announcements fail", async || a.cache.health().circuit != Some(CircuitState::Closed)).await;
    for _ in 0..3 {
        assert_eq!(a.get("/values/1").await.outcome(), "HIT memory");
        assert_eq!(a.get("/values/2").await.status, 200);
    }
    let kind = a.cache.instances().await.unwrap_err().kind();
    assert!(
        [StoreErrorKind::Timeout, StoreErrorKind::CircuitOpen, StoreErrorKind::Unreachable].contains(&kind),
        "{kind:?}"
    );
    eventually("the store counts as unreachable", async || a.cache.health().store == StoreState::Unreachable)
        .await;
    world.redis.resume().unwrap();
    eventually("the store answers", async || a.cache.instances().await.is_ok()).await;
    both_listed(&a, &b).await;
}

#[tokio::test]
async fn a_poisoned_record_is_left_out_until_it_is_replaced() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    both_listed(&a, &b).await;
    let id = b.cache.instance_id().to_string();
    b.proxy.blackhole();
    // A foreign member with a sight of just now, and a record that is none.
    let sight = world.redis.command(&["ZSCORE", SIGHTS, &id]).await.unwrap();
    world.command(&["HSET", RECORDS, "no id", "poison"]).await;
    world.command(&["ZADD", SIGHTS, sight.as_str().unwrap(), "no id"]).await;
    eventually("it is left out", async || {
        world.command(&["HSET", RECORDS, &id, "0 LI\u{1}poison"]).await;
        state_of(&a, &b).await.is_none()
    })
    .await;
    assert_eq!(a.cache.instances().await.unwrap().len(), 1);
    b.proxy.pass();
    eventually("it is listed again", async || state_of(&a, &b).await == Some(InstanceState::Following)).await;
}
