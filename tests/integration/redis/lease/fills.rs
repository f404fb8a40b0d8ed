//! There is one fill per key, across all instances.

use bytes::Bytes;
use http::Request;
use larder::Invalidation;
use larder_tests::redis::Instance;
use larder_tests::redis::Setup;
use larder_tests::redis::World;
use larder_tests::redis::eventually;
use larder_tests::redis::send;

use super::support::{all_are_given_up, answers, ask, holder, lease_of, many, runs, three, waits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_requests_on_each_of_three_instances_run_the_handler_once() {
    let world = World::new().await;
    let instances = three(&world).await;
    let gates = instances.each_ref().map(|instance| instance.hold(1));
    let asked: Vec<_> = instances.iter().flat_map(|instance| many(500, instance, "/values/1")).collect();
    let holder = holder(&gates).await;
    for (index, instance) in instances.iter().enumerate() {
        waits(instance, u64::from(index != holder)).await;
    }
    gates[holder].open();
    for answer in answers(asked).await {
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "v1"));
    }
    assert_eq!(runs(&instances), 1);
    all_are_given_up(&world).await;
}

/// The client sees the same as after waiting for a fill of its own instance.
#[tokio::test]
async fn a_response_that_another_instance_was_waited_for_is_a_collapsed_miss_and_then_a_hit() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/values/1");
    gate.arrived(1).await;
    let second = ask(&b, "/values/1");
    waits(&b, 1).await;
    gate.open();
    assert_eq!(first.await.unwrap().outcome(), "MISS never-stored");
    let second = second.await.unwrap();
    assert_eq!((second.text(), second.outcome().as_str()), ("v1", "MISS never-stored"));
    assert!(second.field("cache-status").contains("collapsed"), "{second:?}");
    assert_eq!(b.get("/values/1").await.outcome(), "HIT memory");
    let stats = [a.cache.stats(), b.cache.stats()];
    assert_eq!(stats.each_ref().map(|stats| stats.leases_taken_over), [0, 0]);
    assert_eq!(stats.each_ref().map(|stats| stats.collapsed), [0, 1]);
    assert_eq!(b.runs(), 0);
}

/// The fill answers this request as well as the other one.
#[tokio::test]
async fn a_request_that_wants_nothing_stored_takes_what_it_waited_for() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/polite/1");
    gate.arrived(1).await;
    let wary = Request::get("/polite/1").header("cache-control", "no-cache").body(Bytes::new()).unwrap();
    let second = tokio::spawn(send(b.address, wary));
    waits(&b, 1).await;
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    assert_eq!(second.await.unwrap().text(), "v1");
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

#[tokio::test]
async fn without_memory_one_instance_fills_for_all_too() {
    let world = World::new().await;
    let setup = || Setup { memory: 0, ..Setup::default() };
    let (a, b) = (world.joined(setup()).await, world.joined(setup()).await);
    let gate = a.hold(1);
    let first = ask(&a, "/values/1");
    gate.arrived(1).await;
    let second = many(20, &b, "/values/1");
    waits(&b, 1).await;
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    for answer in answers(second).await {
        assert_eq!(answer.text(), "v1");
    }
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

/// The lease belongs to the key until it is known that responses vary. Then each variant has its
/// own.
#[tokio::test]
async fn each_variant_is_filled_once() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let speaks = |instance: &Instance, language: &str| {
        let request = Request::get("/languages/1").header("accept-language", language);
        tokio::spawn(send(instance.address, request.body(Bytes::new()).unwrap()))
    };
    let gate = a.hold(1);
    let english = speaks(&a, "en");
    gate.arrived(1).await;
    let others = [speaks(&b, "en"), speaks(&b, "de")];
    waits(&b, 1).await;
    gate.open();
    assert_eq!(english.await.unwrap().text(), "v1 in en");
    let [english, german] = others.map(|asked| async { asked.await.unwrap().body });
    assert_eq!((&*english.await, &*german.await), (&b"v1 in en"[..], &b"v1 in de"[..]));
    assert_eq!((a.runs(), b.runs()), (1, 1));
    all_are_given_up(&world).await;
}

/// One body lasts for three lease extensions.
#[tokio::test]
async fn a_fill_that_takes_longer_than_its_lease_keeps_it() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/streams/1");
    gate.arrived(1).await;
    let second = ask(&b, "/streams/1");
    waits(&b, 1).await;
    let lease = lease_of(&world, "/streams/1").await;
    let (mut last, mut extended) = (i64::MAX, 0);
    eventually("the lease was extended four times", async || {
        let left = world.redis.command(&["PTTL", &lease]).await.unwrap().as_integer().unwrap();
        extended += u32::from(left > last);
        last = left;
        extended == 4
    })
    .await;
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    assert_eq!(second.await.unwrap().text(), "v1");
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

#[tokio::test]
async fn one_of_three_instances_refreshes_what_all_serve_stale() {
    let world = World::new().await;
    let instances = three(&world).await;
    for instance in &instances {
        instance.hits("/patient/1").await;
    }
    let before = runs(&instances);
    let _ = world.truth.change(1);
    let soft = Invalidation::tag("value:1").soft();
    instances[0].applies(soft).await;
    let gates = instances.each_ref().map(|instance| instance.hold(1));
    for instance in &instances {
        instance.catches_up().await;
        assert_eq!(instance.get("/patient/1").await.field("x-cache"), "STALE");
    }
    let holder = holder(&gates).await;
    for (index, instance) in instances.iter().enumerate() {
        waits(instance, u64::from(index != holder)).await;
    }
    gates[holder].open();
    for instance in &instances {
        instance.shows("/patient/1", "v2").await;
        assert_eq!(instance.get("/patient/1").await.outcome(), "HIT memory");
    }
    assert_eq!(runs(&instances) - before, 1);
}

/// An instance with a stale response finds the refreshed one of another instance.
#[tokio::test]
async fn a_response_that_was_refreshed_on_another_instance_is_not_refreshed_again() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/patient/1").await;
    b.hits("/patient/1").await;
    let _ = world.truth.change(1);
    let soft = Invalidation::tag("value:1").soft();
    a.applies(soft).await;
    b.catches_up().await;
    a.shows("/patient/1", "v2").await;
    all_are_given_up(&world).await;

    let before = b.runs();
    assert_eq!(b.get("/patient/1").await.text(), "v1");
    b.shows("/patient/1", "v2").await;
    assert_eq!(b.runs(), before);
}

/// The outcome of such a fill would be refused, so that a waiting request would take twice as long.
#[tokio::test]
async fn no_request_waits_for_a_fill_from_before_an_invalidation() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let slow = ask(&a, "/values/1");
    gate.arrived(1).await;
    b.changes(1).await;
    assert_eq!(b.get("/values/1").await.text(), "v2");
    let stats = b.cache.stats();
    assert_eq!((stats.leases_awaited, stats.leases_taken_over), (0, 1));
    gate.open();
    assert_eq!(slow.await.unwrap().text(), "v1");
    a.catches_up().await;
    assert_eq!(a.get("/values/1").await.text(), "v2");
}
