//! Ranges of shared responses, and partial responses that instances combine.

use http::Request;
use larder::InvalidationOutcome;
use larder_tests::redis::{Answer, Instance, Setup, World, eventually};

async fn asked(instance: &Instance, path: &str, range: &str) -> Answer {
    instance.send(Request::get(path).header("range", range)).await
}

/// Returns the status, the body and the cache's outcome.
fn summary(answer: &Answer) -> (u16, String, String) {
    (answer.status.as_u16(), answer.text().to_owned(), answer.outcome())
}

/// Changes a value, and invalidates it until that is applied. On a busy machine, half a second is
/// not always enough.
async fn updated(world: &World, instance: &Instance, id: usize) {
    let _ = world.truth.change(id);
    eventually("it is applied", async || instance.invalidate(id).await == InvalidationOutcome::Applied).await;
    instance.joins().await;
}

fn expected(status: u16, body: &str, outcome: &str) -> (u16, String, String) {
    (status, body.to_owned(), outcome.to_owned())
}

/// Returns a setup without a memory tier.
fn alone() -> Setup {
    Setup { memory: 0, ..Setup::default() }
}

#[tokio::test]
async fn a_range_of_what_another_instance_stored_is_served_from_redis() {
    let world = World::new().await;
    let (a, b, alone) = (world.instance().await, world.instance().await, world.joined(alone()).await);
    a.get("/values/1").await;
    world.stored_as("/values/1").await;
    for (range, status, text) in [("bytes=0-0", 206, "v"), ("bytes=-1", 206, "1"), ("bytes=9-", 416, "")] {
        // Without memory, each lookup uses Redis.
        let answer = asked(&alone, "/values/1", range).await;
        assert_eq!(summary(&answer), expected(status, text, "HIT shared"), "{range}");
    }
    let first = asked(&b, "/values/1", "bytes=1-1").await;
    assert_eq!(summary(&first), expected(206, "1", "HIT shared"));
    assert_eq!(first.field("content-range"), "bytes 1-1/2");
    assert_eq!(summary(&asked(&b, "/values/1", "bytes=0-0").await), expected(206, "v", "HIT memory"));
    assert_eq!(b.get("/values/1").await.text(), "v1");
    assert_eq!((a.runs(), b.runs(), alone.runs()), (1, 0, 0));

    updated(&world, &a, 1).await;
    b.catches_up().await;
    let answer = asked(&b, "/values/1", "bytes=-1").await;
    assert_eq!(summary(&answer), expected(206, "2", "MISS invalidated"));
}

/// A handler without range support fills the cache for all instances, although the request is for a
/// range.
#[tokio::test]
async fn a_range_that_misses_fills_for_the_other_instances() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.joined(alone()).await);
    let first = asked(&b, "/values/1", "bytes=0-0").await;
    assert_eq!(summary(&first), expected(206, "v", "MISS never-stored"));
    world.stored_as("/values/1").await;
    assert_eq!(summary(&a.get("/values/1").await), expected(200, "v1", "HIT shared"));
}

#[tokio::test]
async fn parts_that_instances_fetch_become_the_whole_for_all() {
    let world = World::new().await;
    let (a, b, c) = (world.instance().await, world.instance().await, world.joined(alone()).await);
    assert_eq!(
        summary(&asked(&a, "/ranged/7", "bytes=0-4").await),
        expected(206, "00000", "MISS never-stored")
    );
    let key = world.stored_as("/ranged/7").await;
    let within = asked(&b, "/ranged/7", "bytes=1-2").await;
    assert_eq!(summary(&within), expected(206, "00", "HIT shared"));
    assert_eq!(within.field("content-range"), "bytes 1-2/10");
    assert_eq!(summary(&asked(&b, "/ranged/7", "bytes=3-4").await), expected(206, "00", "HIT memory"));
    // Without a memory tier, the stored part is the one in Redis.
    assert_eq!(summary(&asked(&c, "/ranged/7", "bytes=5-9").await), expected(206, "00001", "MISS partial"));
    eventually("the whole is stored", async || {
        // This reads Redis directly, because an early request would fill instead. The fourth byte
        // is the kind.
        let kind = world.redis.command(&["GETRANGE", &key, "3", "3"]).await.unwrap();
        kind.as_str() == Some("\u{1}")
    })
    .await;
    assert_eq!(summary(&c.get("/ranged/7").await), expected(200, "0000000001", "HIT shared"));
    // The other instances have a part in memory.
    for instance in [&a, &b] {
        assert_eq!(
            summary(&asked(instance, "/ranged/7", "bytes=4-5").await),
            expected(206, "00", "HIT shared")
        );
        assert_eq!(summary(&instance.get("/ranged/7").await), expected(200, "0000000001", "HIT memory"));
    }
    assert_eq!((a.runs(), b.runs(), c.runs()), (1, 0, 1), "no handler was asked for the whole");
}

/// The value changes but its entity tag does not, and the instance that fetches the second part
/// gets the new value. A response from before the invalidation is no base, in either tier.
#[tokio::test]
async fn a_part_from_before_an_invalidation_is_no_base() {
    for setup in [Setup::default(), alone()] {
        let world = World::new().await;
        let (a, b) = (world.instance().await, world.joined(setup).await);
        asked(&a, "/ranged/7", "bytes=0-4").await;
        world.stored_as("/ranged/7").await;
        assert_eq!(asked(&b, "/ranged/7", "bytes=0-0").await.outcome(), "HIT shared");
        updated(&world, &a, 7).await;
        b.catches_up().await;
        assert_eq!(
            summary(&asked(&b, "/ranged/7", "bytes=5-9").await),
            expected(206, "00002", "MISS invalidated")
        );
        // If the two had been combined, this would be a hit.
        let whole = b.get("/ranged/7").await;
        assert_eq!((whole.text(), whole.field("x-cache")), ("0000000002", "MISS"));
    }
}

/// Two fills overlap with an invalidation. The one that began before it may end after it, with a
/// part that has the same entity tag. The combination is as old as the older part.
#[tokio::test]
async fn a_part_that_was_under_way_makes_nothing_of_what_came_after() {
    let world = World::new().await;
    let a = world.instance().await;
    let gate = a.hold(7);
    let (slow, _) = tokio::join!(asked(&a, "/ranged/7", "bytes=0-4"), async {
        gate.arrived(1).await;
        updated(&world, &a, 7).await;
        assert_eq!(asked(&a, "/ranged/7", "bytes=5-9").await.text(), "00002");
        gate.open();
    });
    assert_eq!(slow.text(), "00000");
    let whole = a.get("/ranged/7").await;
    assert_eq!((whole.text(), whole.field("x-cache")), ("0000000002", "MISS"));
}
