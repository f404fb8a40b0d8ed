//! Redis restarts with its data, or with old data. Either way it is another process, and the log
//! may be incomplete (rule 6). A new incarnation refuses everything older.

use std::fs;

use larder::{InvalidationOutcome, Tag};
use larder_testing::{RedisBuilder, RedisServer};
use larder_tests::redis::{
    Deployment, EVENTS, INCARNATION, Instance, Setup, Trial, Truth, World, eventually,
};

async fn world(builder: RedisBuilder) -> World {
    World { redis: builder.start().await.unwrap(), truth: Truth::default() }
}

async fn incarnation(world: &World) -> String {
    world.redis.command(&["GET", INCARNATION]).await.unwrap().as_str().unwrap().to_owned()
}

/// Waits until the instance has read the log. Time stands still, so that only the log can make it
/// refuse its responses.
async fn has_read_the_log(instance: &Instance) {
    eventually("it reads the log", async || {
        instance.cache.invalidate(Tag::new("marker")).await == InvalidationOutcome::Applied
    })
    .await;
}

async fn refuses_what_is_older_and_goes_on(world: &World, a: &Instance, b: &Instance, before: &str) {
    for instance in [a, b] {
        has_read_the_log(instance).await;
        // The log has a connection of its own. The other one may still be in trouble.
        instance.joins().await;
    }
    assert_ne!(incarnation(world).await, before);
    let answer = b.get("/values/2").await;
    assert_eq!(answer.field("x-cache"), "MISS", "{}", answer.outcome());
    assert!(answer.field("cache-status").contains("detail=log-restarted"), "{}", answer.outcome());
    for (one, other, path) in [(a, b, "/values/1"), (b, a, "/values/2")] {
        let now = format!("v{}", world.truth.read(if path == "/values/1" { 1 } else { 2 }));
        one.shows(path, &now).await;
        one.hits(path).await;
        eventually("hits are shared", async || other.get(path).await.field("x-cache") == "HIT").await;
    }
}

async fn filled(world: &World) -> (Instance, Instance) {
    let (a, b) = (world.instance().await, world.instance().await);
    for path in ["/values/1", "/values/2"] {
        a.hits(path).await;
        b.hits(path).await;
        world.stored_as(path).await;
    }
    (a, b)
}

#[tokio::test]
async fn with_an_append_only_file_nothing_is_lost_and_all_is_refused() {
    let world = world(RedisServer::builder().config("appendonly yes")).await;
    let (a, b) = filled(&world).await;
    let before = incarnation(&world).await;
    world.redis.restart().await.unwrap();
    world.stored_as("/values/1").await;
    refuses_what_is_older_and_goes_on(&world, &a, &b, &before).await;
}

#[tokio::test]
async fn with_a_snapshot_that_was_saved_at_its_end_too() {
    let world = world(RedisServer::builder().config("save 3600 1")).await;
    let (a, b) = filled(&world).await;
    let before = incarnation(&world).await;
    world.command(&["SAVE"]).await;
    world.redis.restart().await.unwrap();
    world.stored_as("/values/1").await;
    refuses_what_is_older_and_goes_on(&world, &a, &b, &before).await;
}

/// An operator restores an old dump: the log, its incarnation and the responses from before an
/// invalidation.
#[tokio::test]
async fn an_old_dump_is_restored() {
    let world = world(RedisServer::builder().config("dbfilename dump.rdb")).await;
    let (a, b) = filled(&world).await;
    let before = incarnation(&world).await;
    world.command(&["SAVE"]).await;
    let (dump, kept) = (world.redis.directory().join("dump.rdb"), world.redis.directory().join("old.rdb"));
    fs::copy(&dump, &kept).unwrap();

    // One instance misses the invalidation. The other one, whose position would be ahead of the old
    // log, stops.
    b.proxy.blackhole();
    a.changes(1).await;
    drop(a);
    world.redis.kill();
    fs::copy(&kept, &dump).unwrap();
    world.redis.restart().await.unwrap();
    assert_eq!(incarnation(&world).await, before, "the dump is the old one");
    world.stored_as("/values/1").await;

    let c = world.instance().await;
    let answer = c.get("/values/1").await;
    assert_eq!(answer.text(), "v2", "{}", answer.outcome());
    // By ids alone, the log has only grown.
    c.catches_up().await;
    b.proxy.cut().await;
    b.proxy.pass();
    refuses_what_is_older_and_goes_on(&world, &c, &b, &before).await;
}

/// Returns the number of entries that invalidate everything.
async fn alls(world: &World) -> usize {
    let entries = world.redis.command(&["XRANGE", EVENTS, "-", "+"]).await.unwrap();
    format!("{entries:?}").matches("\"a:\"").count()
}

/// The new incarnation began after everything that the instances appended to the one before. So it
/// contains no response that they invalidated.
#[tokio::test]
async fn no_instance_invalidates_everything_because_redis_was_restarted() {
    let world = world(RedisServer::builder()).await;
    let mut instances = Vec::new();
    for id in 0..4 {
        let instance = world.joined(Setup { clock: None, ..Setup::default() }).await;
        instance.changes(id).await;
        instances.push(instance);
    }
    world.redis.restart().await.unwrap();
    for instance in &instances {
        has_read_the_log(instance).await;
    }
    instances[0].hits("/values/1").await;
    for instance in &instances {
        has_read_the_log(instance).await;
    }
    assert_eq!(alls(&world).await, 0);
    assert_eq!(instances[0].get("/values/1").await.field("x-cache"), "HIT");
}

/// Both instances go from one server to another one that did not get what they appended.
#[tokio::test]
async fn one_of_the_instances_that_leave_a_server_invalidates_everything_on_the_next() {
    let deposed = World::new().await;
    let promoted = World { truth: deposed.truth.clone(), ..World::new().await };
    // With a clock that stands still, the age of an append is not known.
    let setup = || Setup { clock: None, ..Setup::default() };
    let (a, b) = (deposed.joined(setup()).await, deposed.joined(setup()).await);
    let c = promoted.joined(setup()).await;
    for instance in [&a, &b] {
        instance.changes(1).await;
    }
    for instance in [&a, &b] {
        instance.proxy.lead_to(promoted.redis.address());
        instance.proxy.cut().await;
    }
    for instance in [&a, &b] {
        has_read_the_log(instance).await;
    }
    c.shows("/values/1", "v3").await;
    assert_eq!(alls(&promoted).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_notices_a_restart_with_an_append_only_file() {
    let server = RedisServer::builder().config("appendonly yes").start().await.unwrap();
    let trial = Trial::start(&Deployment::at(&server.url())).await;
    trial.survives("one server, AOF | SIGKILL and restart", server.restart()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_notices_that_an_old_dump_is_restored() {
    let server = RedisServer::builder().config("dbfilename dump.rdb").start().await.unwrap();
    let trial = Trial::start(&Deployment::at(&server.url())).await;
    server.command(&["SAVE"]).await.unwrap();
    trial
        .survives("one server | SIGKILL, start from an old dump", async {
            trial_goes_on(&server).await;
            server.kill();
            server.restart().await.unwrap();
        })
        .await;
}

/// Waits until the log has grown so much that the dump is clearly older.
async fn trial_goes_on(server: &RedisServer) {
    let appended = async || {
        let length = server.command(&["XLEN", larder_tests::redis::EVENTS]).await.unwrap();
        length.as_integer().unwrap()
    };
    let enough = appended().await + 20;
    eventually("more is invalidated", async || appended().await >= enough).await;
}
