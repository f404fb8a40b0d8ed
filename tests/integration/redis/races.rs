//! Races between an invalidation and a fill: on one instance, in Redis and across instances.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use larder::{InvalidationOutcome, Tag};
use larder_testing::Direction::{ToClient, ToServer};
use larder_tests::redis::{
    Answer, Instance, RESPONSE, Setup, Traffic, World, event, eventually, hang_up, send,
};
use tokio::task::JoinHandle;

/// Sends a request in a new task.
fn ask(instance: &Instance, path: &str) -> JoinHandle<Answer> {
    let request = Request::get(path).body(bytes::Bytes::new()).unwrap();
    tokio::spawn(send(instance.address, request))
}

async fn never_shows(instances: &[&Instance], path: &str, old: &str) {
    for _ in 0..20 {
        for instance in instances {
            let answer = instance.get(path).await;
            assert_ne!(answer.text(), old, "{}", answer.outcome());
        }
    }
}

/// Rule 2: a fill reads the old value, takes long, and would be served as new.
#[tokio::test]
async fn a_slow_fill_does_not_outlive_an_invalidation_on_its_own_instance() {
    let world = World::new().await;
    let a = world.instance().await;
    let gate = a.hold(1);
    let slow = ask(&a, "/values/1");
    gate.arrived(1).await;
    a.changes(1).await;
    gate.open();
    assert_eq!(slow.await.unwrap().text(), "v1");
    never_shows(&[&a], "/values/1", "v1").await;
    a.hits("/values/1").await;
}

/// Rule 2, across instances: the fill is on one, the write on the other.
#[tokio::test]
async fn a_slow_fill_does_not_outlive_an_invalidation_on_another_instance() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = b.hold(1);
    let slow = ask(&b, "/values/1");
    gate.arrived(1).await;
    a.changes(1).await;
    b.catches_up().await;
    gate.open();
    assert_eq!(slow.await.unwrap().text(), "v1");
    let c = world.instance().await;
    for instance in [&a, &b, &c] {
        let answer = instance.get("/values/1").await;
        assert_eq!(answer.text(), "v2", "{}", answer.outcome());
    }
    never_shows(&[&a, &b, &c], "/values/1", "v1").await;
}

/// The filling instance reads the invalidation only after the fill has ended and was stored.
#[tokio::test]
async fn a_fill_is_refused_though_its_instance_hears_of_the_invalidation_last() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let late = b.proxy.hold(ToClient, event(1));
    let gate = b.hold(1);
    let slow = ask(&b, "/values/1");
    gate.arrived(1).await;
    a.changes(1).await;
    gate.open();
    slow.await.unwrap();
    world.stored_as("/values/1").await;
    never_shows(&[&a], "/values/1", "v1").await;
    late.open();
    b.catches_up().await;
    never_shows(&[&a, &b], "/values/1", "v1").await;
}

/// A `SET` times out, and is executed long after the invalidation.
#[tokio::test]
async fn a_set_that_arrives_after_the_invalidation_is_refused_on_read() {
    let world = World::new().await;
    let impatient = Setup { command_timeout: Duration::from_millis(100), ..Setup::default() };
    let (a, b) = (world.instance().await, world.joined(impatient).await);
    let late = b.proxy.hold(ToServer, RESPONSE);
    assert_eq!(b.get("/values/1").await.text(), "v1");
    late.arrived(1).await;
    a.changes(1).await;
    b.catches_up().await;
    assert_eq!(world.stored().await.iter().filter(|name| name.contains("values")).count(), 0);
    late.open();
    world.stored_as("/values/1").await;

    let c = world.instance().await;
    let answer = c.get("/values/1").await;
    assert_eq!((answer.text(), answer.outcome().as_str()), ("v2", "MISS invalidated"));
    never_shows(&[&a, &b, &c], "/values/1", "v1").await;
}

/// The reply of Redis is on its way during the invalidation, and another request waits for the same
/// lookup.
#[tokio::test]
async fn a_response_that_was_read_from_redis_before_the_invalidation_is_refused_when_it_arrives() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.get("/values/1").await;
    world.stored_as("/values/1").await;
    let late = b.proxy.hold(ToClient, RESPONSE);
    let first = ask(&b, "/values/1");
    late.arrived(1).await;
    a.changes(1).await;
    b.catches_up().await;
    let second = ask(&b, "/values/1");
    late.open();
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(second.await.unwrap().text(), "v2");
    never_shows(&[&a, &b], "/values/1", "v1").await;
}

/// Rule 1: only this instance knows the invalidation, because the log cannot be reached.
#[tokio::test]
async fn a_response_that_was_read_from_redis_before_a_deferred_invalidation_is_refused_when_it_arrives() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    // Its position is ahead of the other instance.
    let behind = a.proxy.hold(ToClient, "t:marker\r\n");
    b.catches_up().await;
    b.get("/values/1").await;
    world.stored_as("/values/1").await;
    let late = a.proxy.hold(ToClient, RESPONSE);
    let first = ask(&a, "/values/1");
    late.arrived(1).await;
    let append = a.proxy.hold(ToServer, event(1));
    assert_eq!(a.update(1).await, InvalidationOutcome::Deferred);
    let second = ask(&a, "/values/1");
    late.open();
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(second.await.unwrap().text(), "v2");
    never_shows(&[&a], "/values/1", "v1").await;
    behind.open();
    append.open();
    a.joins().await;
    never_shows(&[&a], "/values/1", "v1").await;
}

/// Rule 13: a flight reads v1, an event passes, a request joins, and another event overwrites the
/// row.
#[tokio::test]
async fn a_request_that_joins_a_flight_after_an_invalidation_does_not_get_what_it_read_before() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = b.hold(1);
    let first = ask(&b, "/values/1");
    gate.arrived(1).await;
    a.changes(1).await;
    b.catches_up().await;
    let joined: Vec<_> = (0..8).map(|_| ask(&b, "/values/1")).collect();
    a.changes(1).await;
    b.catches_up().await;
    let last = ask(&b, "/values/1");
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    for answer in joined {
        let answer = answer.await.unwrap();
        assert_ne!(answer.text(), "v1", "{}", answer.outcome());
    }
    assert_eq!(last.await.unwrap().text(), "v3");
}

/// Rule 14: an appended event has not passed yet. Until its own tail has read the event, the
/// instance would serve the old value.
#[tokio::test]
async fn invalidate_does_not_return_before_it_holds_here() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/values/1").await;
    b.hits("/values/1").await;
    let late = a.proxy.hold(ToClient, event(1));
    // The event is in the log, but does not return in time.
    assert_eq!(a.update(1).await, InvalidationOutcome::Deferred);
    assert_eq!(a.get("/values/1").await.text(), "v2");
    b.catches_up().await;
    assert_eq!(b.get("/values/1").await.text(), "v2");
    late.open();
    a.joins().await;
    never_shows(&[&a, &b], "/values/1", "v1").await;
    a.hits("/values/1").await;
}

/// Rule 15: an append that timed out may have been executed, or may be executed later. It is
/// repeated, which costs only misses.
#[tokio::test]
async fn an_append_whose_answer_is_lost_is_appended_again() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    // Now Redis knows the script. A late call of an unknown script does nothing.
    a.catches_up().await;
    a.hits("/values/1").await;
    b.hits("/values/1").await;
    let late = a.proxy.hold(ToServer, event(1));
    assert_eq!(a.update(1).await, InvalidationOutcome::Deferred);
    assert_eq!(a.get("/values/1").await.text(), "v2");
    assert_eq!(b.get("/values/1").await.text(), "v1");
    late.open();
    b.shows("/values/1", "v2").await;
    a.joins().await;
    assert!(events(&world, 1).await >= 2, "the late one and its repetition");
    never_shows(&[&a, &b], "/values/1", "v1").await;
    a.changes(1).await;
}

async fn events(world: &World, id: usize) -> usize {
    let words = ["XRANGE", larder_tests::redis::EVENTS, "-", "+"];
    let reply = format!("{:?}", world.redis.command(&words).await.unwrap());
    reply.matches(&format!("t:value:{id}\"")).count()
}

/// Rules 1 and 12: a response of another instance from ahead of our tail does not override a
/// deferred invalidation.
#[tokio::test]
async fn a_deferred_invalidation_refuses_what_another_instance_stores_meanwhile() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let late = a.proxy.hold(ToServer, event(1));
    assert_eq!(a.update(1).await, InvalidationOutcome::Deferred);
    let gate = b.hold(1);
    // It reads the old value, like a slow handler on the other instance.
    b.catches_up().await;
    let stored = ask(&b, "/values/1");
    gate.arrived(1).await;
    gate.open();
    stored.await.unwrap();
    world.stored_as("/values/1").await;
    let _ = world.truth.change(1);
    let _ = a.invalidate(1).await;

    let answer = a.get("/values/1").await;
    assert_eq!(answer.text(), "v3", "{}", answer.outcome());
    let watched = Arc::new(a);
    let watch = tokio::spawn({
        let watched = Arc::clone(&watched);
        async move { never_shows(&[&watched], "/values/1", "v2").await }
    });
    late.open();
    watch.await.unwrap();
    watched.joins().await;
    never_shows(&[&watched, &b], "/values/1", "v1").await;
    b.catches_up().await;
    never_shows(&[&watched, &b], "/values/1", "v2").await;
}

/// Rule 3: with a `Last-Modified` in seconds, a 304 would give the old body a new position.
#[tokio::test]
async fn an_invalidated_response_is_not_validated() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/dated/1").await;
    b.hits("/dated/1").await;
    a.changes(1).await;
    b.catches_up().await;
    for instance in [&a, &b] {
        assert_eq!(instance.get("/dated/1").await.text(), "v2");
    }
}

#[tokio::test]
async fn a_client_that_leaves_during_a_write_does_not_take_its_invalidation_back() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/values/1").await;
    b.hits("/values/1").await;
    let gate = a.hold(1);
    hang_up(a.address, "PUT", "/values/1", gate.arrived(1)).await;
    // The server notices this before the handler continues.
    a.get("/values/2").await;
    gate.open();
    a.shows("/values/1", "v2").await;
    b.shows("/values/1", "v2").await;
}

#[tokio::test]
async fn a_client_that_leaves_during_an_invalidation_does_not_take_it_back() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    b.hits("/values/1").await;
    let append = a.proxy.hold(ToServer, "u://");
    hang_up(a.address, "PUT", "/values/1", append.arrived(1)).await;
    a.get("/values/2").await;
    append.open();
    b.shows("/values/1", "v2").await;

    let _ = world.truth.change(1);
    let append = a.proxy.hold(ToServer, event(1));
    let left = a.cache.clone();
    tokio::select! {
        _ = left.invalidate(Tag::new("value:1")) => panic!("it is held"),
        () = append.arrived(1) => {}
    }
    // Sent data is lost.
    a.proxy.cut().await;
    append.open();
    b.shows("/values/1", "v3").await;
}

#[tokio::test]
async fn a_client_that_leaves_during_a_fill_does_not_stop_it() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    hang_up(a.address, "GET", "/values/1", gate.arrived(1)).await;
    gate.open();
    world.stored_as("/values/1").await;
    assert_eq!(b.get("/values/1").await.outcome(), "HIT shared");
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_old_response_is_seen_among_many_readers_and_writers() {
    let world = World::new().await;
    let real = || Setup { clock: None, ..Setup::default() };
    let (a, b) = (world.joined(real()).await, world.joined(real()).await);
    let traffic = Traffic::start(&world.truth, Duration::from_secs(2), &[&a, &b]);
    traffic.flows(3_000).await;
    let summary = traffic.stop().await;
    summary.is_right();
    assert!(summary.hits > 0 && summary.applied > 0, "{summary:?}");
    eventually("every invalidation is applied", async || {
        a.cache.invalidate(Tag::new("marker")).await == InvalidationOutcome::Applied
    })
    .await;
}
