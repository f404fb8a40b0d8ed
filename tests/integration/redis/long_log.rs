//! An instance that starts with a log that is longer than its memory of names.

use larder_testing::Reply;
use larder_tests::redis::{EVENTS, Instance, Setup, World, eventually};

const MARKS: &str = "larder:{larder:log}:marks";
/// More than the distance of two checkpoints, and more than a new instance remembers.
const MANY: &str = "5000";

/// Starts an instance that remembers less than the log contains.
async fn new(world: &World) -> Instance {
    world.joined(Setup { remembered_names: 4_096, ..Setup::default() }).await
}

/// Appends many invalidations of unstored responses, like an instance of this version or of one
/// without checkpoints. They have few names, so that only the checkpoint makes a new instance
/// forget.
async fn invalidate_many(world: &World, a: &Instance) {
    let add = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'h', 't:other:' .. i % 500) end";
    world.command(&["EVAL", add, "1", EVENTS, MANY]).await;
    a.catches_up().await;
}

/// Fills three values, changes one of them, and appends many invalidations before filling another
/// three.
async fn long_log() -> (World, Instance) {
    let world = World::new().await;
    let a = world.instance().await;
    for values in [[1, 2, 3], [11, 12, 13]] {
        for value in values {
            a.hits(&format!("/values/{value}")).await;
            world.stored_as(&format!("/values/{value}")).await;
        }
        a.changes(values[1]).await;
        invalidate_many(&world, &a).await;
    }
    eventually("there are marks", async || exists(&world).await).await;
    (world, a)
}

async fn exists(world: &World) -> bool {
    world.redis.command(&["EXISTS", MARKS]).await.unwrap() == Reply::Integer(1)
}

/// Checks that no invalidated value is shown, and which values the handlers filled again.
async fn shows_what_is_true(instance: &Instance, refilled: &[usize]) {
    for (value, text) in [(2, "v2"), (12, "v2"), (1, "v1"), (3, "v1"), (11, "v1"), (13, "v1")] {
        let before = instance.runs();
        for _ in 0..2 {
            assert_eq!(instance.get(&format!("/values/{value}")).await.text(), text, "{value}");
        }
        assert_eq!(instance.runs() - before, usize::from(refilled.contains(&value)), "{value}");
    }
}

#[tokio::test]
async fn responses_after_the_checkpoint_are_served_and_those_before_it_are_filled_once_more() {
    let (world, a) = long_log().await;
    let b = new(&world).await;
    shows_what_is_true(&b, &[1, 2, 3, 12]).await;
    // The instance has stored its fills for all instances.
    let _ = b.cache.close().await;
    let c = new(&world).await;
    shows_what_is_true(&c, &[]).await;
    c.changes(11).await;
    a.shows("/values/11", "v2").await;
}

/// An instance that remembers more than the log contains reads all of it, and refuses only
/// invalidated responses.
#[tokio::test]
async fn an_instance_that_remembers_enough_serves_what_is_older_too() {
    let (world, _a) = long_log().await;
    shows_what_is_true(&world.joined(Setup::default()).await, &[2, 12]).await;
}

#[tokio::test]
async fn without_marks_that_can_be_believed_all_of_the_log_is_read() {
    let (world, _a) = long_log().await;
    for garbage in [["DEL", MARKS].as_slice(), &["SET", MARKS, "nonsense"], &["LPUSH", MARKS, "1=1-1"]] {
        world.command(&["DEL", MARKS]).await;
        world.command(garbage).await;
        let b = new(&world).await;
        for (value, text) in [(1, "v1"), (2, "v2"), (12, "v2"), (13, "v1")] {
            assert_eq!(b.get(&format!("/values/{value}")).await.text(), text, "{garbage:?} {value}");
        }
    }
}

/// The checkpoints survive the log that they belong to, as after an eviction of the log alone, or a
/// restart of the log by an older version.
#[tokio::test]
async fn marks_of_another_incarnation_are_not_believed() {
    let (world, a) = long_log().await;
    let marks = world.redis.command(&["GET", MARKS]).await.unwrap();
    world.command(&["DEL", EVENTS]).await;
    a.joins().await;
    a.hits("/values/1").await;
    world.command(&["SET", MARKS, marks.as_str().unwrap()]).await;
    let b = new(&world).await;
    b.hits("/values/1").await;
    a.changes(1).await;
    b.catches_up().await;
    assert_eq!(b.get("/values/1").await.text(), "v2");
    for (value, text) in [(1, "v2"), (2, "v2"), (3, "v1"), (12, "v2")] {
        assert_eq!(new(&world).await.get(&format!("/values/{value}")).await.text(), text, "{value}");
    }
}
