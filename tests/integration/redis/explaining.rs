//! Explanations with two tiers, over a real Redis.

use larder::outcome::{MissReason, Outcome, Tier};
use larder::{Glob, Invalidation, Prefix, Tag, UriName};
use larder_tests::redis::{Instance, Setup, World, eventually};

/// Explains a request, and compares the outcome with that of the request itself.
async fn explained(instance: &Instance, path: &str) -> String {
    let outcome = instance.explain(path).await.outcome;
    let answer = instance.get(path).await.outcome();
    assert_eq!(format!("{} {}", outcome.x_cache(), outcome.reason()), answer, "{path}");
    answer
}

#[tokio::test]
async fn both_tiers_are_shown_and_nothing_is_promoted() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    assert_eq!(explained(&a, "/values/1").await, "MISS never-stored");
    world.stored_as("/values/1").await;
    for _ in 0..2 {
        let explanation = b.explain("/values/1").await;
        assert_eq!(explanation.outcome, Outcome::Hit(Tier::Shared));
        assert_eq!(explanation.memory.state, "nothing is stored");
        let entry = &explanation.shared.entries[0];
        let response = entry.response.as_ref().unwrap();
        assert_eq!(
            (response.status.as_u16(), &*response.tags, response.body_bytes),
            (200, &[Tag::new("value:1")][..], 2)
        );
        assert_eq!((&*entry.verdict, entry.is_selected), ("fresh", true));
        assert!(explanation.log.confirmation_age.is_some());
    }
    assert_eq!(b.cache.stats().hits_shared, 0);
    assert_eq!(explained(&b, "/values/1").await, "HIT shared");
    assert_eq!(explained(&b, "/values/1").await, "HIT memory");
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

#[tokio::test]
async fn without_memory_the_shared_tier_is_explained() {
    let world = World::new().await;
    let a = world.joined(Setup { memory: 0, ..Setup::default() }).await;
    assert_eq!(explained(&a, "/values/1").await, "MISS never-stored");
    world.stored_as("/values/1").await;
    let explanation = a.explain("/values/1").await;
    assert_eq!((&*explanation.memory.state, &*explanation.shared.state), ("off", "holds responses"));
    assert_eq!(explained(&a, "/values/1").await, "HIT shared");
    a.changes(1).await;
    assert_eq!(a.explain("/values/1").await.shared.entries[0].invalidated_by[0].name, "tag value:1");
    assert_eq!(explained(&a, "/values/1").await, "MISS invalidated");
}

/// An event of another instance is known by its name and by its id in the log.
#[tokio::test]
async fn an_invalidation_of_another_instance_is_named() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let whats: [(&str, Invalidation); 5] = [
        ("tag value:1", Tag::new("value:1").into()),
        ("uri /values/1", UriName::new("/values/1").unwrap().into()),
        ("prefix /values", Prefix::new("/values").unwrap().into()),
        ("glob /val*/1", Glob::new("/val*/1").unwrap().into()),
        ("all", Invalidation::all()),
    ];
    for (name, what) in whats {
        a.hits("/values/1").await;
        b.hits("/values/1").await;
        a.applies(what).await;
        eventually("the event is known", async || {
            b.explain("/values/1").await.outcome == Outcome::Miss(MissReason::Invalidated)
        })
        .await;
        let explanation = b.explain("/values/1").await;
        let entry = &explanation.memory.entries[0];
        assert_eq!(entry.verdict, "refused: invalidated");
        let by: Vec<_> = entry.invalidated_by.iter().map(|by| &*by.name).collect();
        assert!(by.contains(&name), "{name} {by:?}");
        let by = entry.invalidated_by.iter().find(|by| by.name == name).unwrap();
        let last = explanation.log.position.rsplit('/').next().unwrap();
        assert_eq!((&*by.place, by.is_soft), (last, false), "{name}");
        assert_eq!(explained(&b, "/values/1").await, "MISS invalidated", "{name}");
    }
}

/// The log is lost, so everything from before is refused.
#[tokio::test]
async fn a_new_incarnation_is_named() {
    let world = World::new().await;
    let a = world.instance().await;
    a.hits("/values/1").await;
    world.command(&["DEL", larder_tests::redis::INCARNATION, larder_tests::redis::EVENTS]).await;
    eventually("the new incarnation is known", async || {
        a.explain("/values/1").await.outcome == Outcome::Miss(MissReason::LogRestarted)
    })
    .await;
    let by = &a.explain("/values/1").await.memory.entries[0].invalidated_by;
    assert_eq!((&*by[0].name, &*by[0].place), ("incarnation", "another incarnation"));
    assert_eq!(explained(&a, "/values/1").await, "MISS log-restarted");
}

#[tokio::test]
async fn without_redis_the_reason_is_told() {
    let world = World::new().await;
    let setup = Setup { command_timeout: std::time::Duration::from_millis(200), ..Setup::default() };
    let a = world.joined(setup).await;
    a.get("/values/1").await;
    a.proxy.refuse();
    a.proxy.cut().await;
    eventually("the store fails", async || a.explain("/values/2").await.shared.state == "store-error").await;
    assert_eq!(a.explain("/values/1").await.outcome, Outcome::Hit(Tier::Memory));
}
