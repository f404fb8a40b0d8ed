//! A switch for all instances, over a real Redis.

use std::time::Duration;

use larder::{SwitchReach, SwitchScope};
use larder_testing::Direction;
use larder_tests::redis::{Instance, Setup, TickingClock, World, eventually};

const ANN: &str = "ann@example.com";
const HOUR: Duration = Duration::from_secs(3600);
const RECORD: &str = "larder:{larder:log}:switches";

async fn is_switched_off(instance: &Instance) -> bool {
    instance.get("/values/1").await.outcome() == "BYPASS switched-off"
}

async fn follows(instance: &Instance, is_off: bool) {
    eventually("the instance follows the switch", async || is_switched_off(instance).await == is_off).await;
}

#[tokio::test]
async fn all_instances_follow_until_it_is_resumed() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/values/1").await;
    a.cache.bypass_fleet(SwitchScope::All, HOUR, ANN).await.unwrap();
    assert!(is_switched_off(&a).await, "the own instance follows at once");
    follows(&b, true).await;
    let known = b.cache.switches();
    assert_eq!((known.len(), known[0].reach, &*known[0].who), (1, SwitchReach::Fleet, ANN));
    assert_eq!(known[0].until.duration_since(known[0].since).unwrap(), HOUR);

    let late = world.start(Setup::default()).await;
    follows(&late, true).await;

    assert_eq!(b.cache.resume(&SwitchScope::All, "bob"), Ok(false), "it is no switch of this instance");
    assert_eq!(b.cache.resume_fleet(&SwitchScope::All, "bob").await, Ok(true));
    assert!(!is_switched_off(&b).await);
    follows(&a, false).await;
    follows(&late, false).await;
    assert_eq!(a.cache.resume_fleet(&SwitchScope::All, "bob").await, Ok(false));
}

#[tokio::test]
async fn it_ends_at_its_time_on_every_instance() {
    let world = World::new().await;
    let clock = TickingClock::default();
    let setup = || Setup { clock: Some(clock.clone()), ..Setup::default() };
    let (a, b) = (world.joined(setup()).await, world.joined(setup()).await);
    a.cache.bypass_fleet(SwitchScope::route("/values/{id}"), HOUR, ANN).await.unwrap();
    follows(&b, true).await;
    clock.advance(HOUR);
    assert!(!is_switched_off(&a).await && !is_switched_off(&b).await);
    assert!(a.cache.switches().is_empty() && b.cache.switches().is_empty());
}

/// Switches of several routes, set on several instances at the same moment.
#[tokio::test]
async fn no_change_is_lost_if_instances_change_the_record_at_the_same_moment() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    for round in 0..5 {
        let [one, other] = ["a", "b"].map(|name| SwitchScope::route(format!("{name}{round}")));
        let (first, second) =
            tokio::join!(a.cache.bypass_fleet(one, HOUR, "ann"), b.cache.bypass_fleet(other, HOUR, "bob"));
        first.and(second).unwrap();
    }
    for instance in [&a, &b] {
        eventually("all switches are known", async || instance.cache.switches().len() == 10).await;
    }
}

/// Redis is away, and then has lost the record: what is known holds.
#[tokio::test]
async fn a_switch_holds_without_redis_and_if_its_record_is_lost() {
    let world = World::new().await;
    let clock = TickingClock::default();
    let setup = || Setup { clock: Some(clock.clone()), ..Setup::default() };
    let (a, b) = (world.joined(setup()).await, world.joined(setup()).await);
    a.cache.bypass_fleet(SwitchScope::All, HOUR, ANN).await.unwrap();
    follows(&b, true).await;
    world.command(&["DEL", RECORD]).await;
    b.proxy.cut().await;
    // The second read begins after the answer to the first one was applied.
    for _ in 0..2 {
        let reading = b.proxy.hold(Direction::ToServer, RECORD);
        reading.arrived(1).await;
        reading.open();
    }
    assert!(is_switched_off(&b).await);
    a.cache.bypass_fleet(SwitchScope::route("other"), HOUR, ANN).await.unwrap();
    let record = world.redis.command(&["GET", RECORD]).await.unwrap();
    let record = record.as_str().unwrap().to_owned();
    assert!(record.contains("\"all\"") && record.contains("other"), "{record}");
    clock.advance(HOUR);
    assert!(!is_switched_off(&b).await);
}

/// The record is untrusted input. One that cannot be read changes nothing.
#[tokio::test]
async fn an_unreadable_record_is_ignored_and_replaced() {
    let world = World::new().await;
    for text in ["", "x", "1\n{", "7\n{\"form\":9,\"by\":\"x\",\"switches\":[]}", "\u{fffd}"] {
        world.command(&["SET", RECORD, text]).await;
        let a = world.instance().await;
        assert!(!is_switched_off(&a).await, "{text}");
        let set = a.cache.bypass_fleet(SwitchScope::All, HOUR, ANN).await;
        assert!(set.is_ok(), "{text:?} {set:?}");
        assert!(is_switched_off(&a).await);
        let b = world.start(Setup::default()).await;
        follows(&b, true).await;
    }
}
