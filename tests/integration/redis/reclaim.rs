//! Memory in Redis that is freed after an invalidation.

use http::Request;
use larder::{Glob, Invalidation, InvalidationOutcome, Prefix, Tag, UriName};
use larder_tests::redis::{Instance, World, eventually};

async fn says(a: &Instance, path: &str, language: &str) {
    a.send(Request::get(path).header("accept-language", language)).await;
}

/// Invalidates this, and retries until it is applied: on a busy machine it may be deferred.
async fn invalidate(a: &Instance, what: &Invalidation) {
    while a.cache.invalidate(what.clone()).await == InvalidationOutcome::Deferred {
        a.joins().await;
    }
}

/// Returns the stored names, without the probes.
async fn names(world: &World) -> Vec<String> {
    let mut names = world.stored().await;
    names.retain(|name| !name.contains("/probe/"));
    names.sort();
    names
}

async fn are_left(world: &World, count: usize) {
    let what = format!("{count} are left");
    eventually(&what, async || names(world).await.len() == count).await;
}

#[tokio::test]
async fn each_kind_of_invalidation_frees_what_can_be_found_by_its_key() {
    let world = World::new().await;
    let a = world.instance().await;
    let uri = |path: &str| UriName::new(path).unwrap();
    let cases: [(&str, Invalidation, usize); 6] = [
        ("a path prefix", Prefix::new("/values").unwrap().into(), 4),
        ("a glob", Glob::new("/*/1").unwrap().into(), 2),
        ("everything", Invalidation::all(), 0),
        ("a key", Invalidation::key("by-key:1"), 5),
        ("a URI on every host", uri("/values/1").into(), 5),
        ("a URI with all its variants", uri("/languages/1").into(), 3),
    ];
    for (what, invalidation, left) in cases {
        for path in ["/values/1", "/values/2", "/by-key/1"] {
            a.get(path).await;
        }
        says(&a, "/languages/1", "en").await;
        says(&a, "/languages/1", "de").await;
        // The fields that select a variant are an additional name.
        are_left(&world, 6).await;
        let before = a.cache.stats();
        println!("{what}");
        invalidate(&a, &invalidation).await;
        are_left(&world, left).await;
        let freed = || a.cache.stats().reclaimed - before.reclaimed;
        eventually("it is counted", async || freed() >= u64::try_from(6 - left).unwrap()).await;
        // The next round begins with an empty store.
        invalidate(&a, &Invalidation::all()).await;
        are_left(&world, 0).await;
    }
}

#[tokio::test]
async fn a_response_that_a_put_invalidates_is_freed() {
    let world = World::new().await;
    let a = world.instance().await;
    for path in ["/values/1", "/values/2"] {
        a.get(path).await;
    }
    are_left(&world, 2).await;
    a.send(Request::put("/values/1")).await;
    are_left(&world, 1).await;
    assert!(names(&world).await[0].contains("/values/2"));
}

/// Promise 3: freeing memory does not affect a response that was filled after the invalidation.
#[tokio::test]
async fn a_response_that_is_filled_meanwhile_stays() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    for _ in 0..10 {
        let before = a.cache.stats().reclaim_scans;
        invalidate(&a, &Prefix::new("/values").unwrap().into()).await;
        a.get("/values/1").await;
        let scanned = || a.cache.stats().reclaim_scans > before;
        eventually("it was searched", async || scanned()).await;
        world.stored_as("/values/1").await;
    }
    assert_eq!(b.get("/values/1").await.outcome(), "HIT shared");
    assert_eq!((a.runs(), b.runs()), (10, 0));
}

#[tokio::test]
async fn a_response_is_freed_once_its_deferred_invalidation_is_appended() {
    let world = World::new().await;
    let a = world.instance().await;
    a.get("/values/1").await;
    world.stored_as("/values/1").await;
    world.redis.pause().unwrap();
    let deferred = a.cache.invalidate(Prefix::new("/values").unwrap()).await;
    assert_eq!(deferred, InvalidationOutcome::Deferred);
    world.redis.resume().unwrap();
    are_left(&world, 0).await;
}

/// Useful responses are not freed, and there is no search for responses that cannot be found by
/// name.
#[tokio::test]
async fn soft_invalidations_and_tags_free_nothing() {
    let world = World::new().await;
    let a = world.instance().await;
    a.get("/values/1").await;
    world.stored_as("/values/1").await;
    for what in [Invalidation::all().soft(), Tag::new("value:1").into()] {
        invalidate(&a, &what).await;
    }
    // This one frees memory. It comes last, so that the others had their turn.
    invalidate(&a, &Prefix::new("/other").unwrap().into()).await;
    eventually("it is searched for", async || a.cache.stats().reclaim_scans > 0).await;
    assert_eq!(a.cache.stats().reclaimed, 0);
    are_left(&world, 1).await;
}
