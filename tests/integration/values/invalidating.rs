//! Invalidations of values, in one process.

use std::time::Duration;

use larder::store::StoreErrorKind;
use larder::values::Cached;
use larder::{Cache, Glob, Invalidation, InvalidationOutcome, Prefix, Selector, Tag};

use larder_testing::{ManualClock, MemoryStore};

use crate::support::{Database, builder, get, misses, names, ready, settle, soon, spawn_get};

#[tokio::test]
async fn a_value_is_named_by_its_key_its_tags_and_everything() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    let invalidations: [Invalidation; 4] = [
        Tag::new("name:1").into(),
        Tag::new("initial:A").into(),
        Invalidation::all(),
        Invalidation::tag("other").and(names.selector(&1)),
    ];
    for (round, what) in invalidations.into_iter().enumerate() {
        get(&names, &database, 1).await;
        assert_eq!(cache.invalidate(what).await, InvalidationOutcome::Applied);
        assert_eq!(names.get_cached(&1), Cached::Nothing, "{round}");
    }
    get(&names, &database, 1).await;
    assert_eq!(names.invalidate(&1).await, InvalidationOutcome::Applied);
    assert_eq!(names.get(&1).await, Cached::Nothing);
    assert_eq!(misses(&names.stats()), "invalidated 5, never-stored 1");

    get(&names, &database, 1).await;
    let others: [Selector; 5] = [
        Tag::new("name:2").into(),
        names.selector(&2),
        Selector::Key("1".into()),
        Prefix::new("/").unwrap().into(),
        Glob::new("/*").unwrap().into(),
    ];
    for other in others {
        let _ = cache.invalidate(other.clone()).await;
        assert!(names.get_cached(&1).is_cached(), "{other}");
    }
}

/// An absence has tags too, so the write that creates the value can name it.
#[tokio::test]
async fn an_absence_is_invalidated_by_its_tag() {
    let (cache, database) = (Cache::default(), Database::default());
    let names = builder(&cache).negative_ttl(crate::support::TTL).build().unwrap();
    assert_eq!(get(&names, &database, 1).await, None);
    database.set(1, "Ada");
    assert_eq!(get(&names, &database, 1).await, None);
    let _ = cache.invalidate(Tag::new("name:1")).await;
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
}

/// Rule 2: the position of a value is that from before its load.
#[tokio::test]
async fn a_load_that_an_invalidation_overtook_is_only_for_the_calls_before_it() {
    let (cache, database) = (Cache::default(), Database::with(1, "old"));
    let names = names(&cache);
    let gate = database.hold();
    let before = spawn_get(&names, &database, 1);
    gate.arrived(1).await;
    database.set(1, "new");
    assert_eq!(names.invalidate(&1).await, InvalidationOutcome::Applied);
    database.release();
    // This call does not join the flight, which has read the old row.
    assert_eq!(soon("a load of its own", get(&names, &database, 1)).await.as_deref(), Some("new"));
    gate.open();
    assert_eq!(before.await.unwrap().as_deref(), Some("old"));
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("new"));
    assert_eq!(database.loads(), 2);
    assert_eq!((names.stats().stored, names.stats().not_stored["invalidated"]), (1, 1));
}

/// Rule 13: the tags of a value are known only at the end of its load.
#[tokio::test]
async fn a_follower_from_after_an_invalidation_by_tag_loads_again() {
    let (cache, database) = (Cache::default(), Database::with(1, "Old"));
    let names = names(&cache);
    let gate = database.hold();
    let call = || spawn_get(&names, &database, 1);
    let before = call();
    gate.arrived(1).await;
    database.set(1, "New");
    assert_eq!(cache.invalidate(Tag::new("initial:O")).await, InvalidationOutcome::Applied);
    let after = call();
    settle().await;
    assert_eq!(database.loads(), 1, "it waits for the flight");
    database.release();
    gate.open();
    assert_eq!(before.await.unwrap().as_deref(), Some("Old"));
    assert_eq!(soon("a second load", after).await.unwrap().as_deref(), Some("New"));
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("New"));
    assert_eq!(database.loads(), 2);
}

/// A soft invalidation makes a value stale, and does not refuse it.
#[tokio::test]
async fn a_softly_invalidated_value_may_be_served_stale() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = builder(&cache).stale_if_error(crate::support::TTL).build().unwrap();
    get(&names, &database, 1).await;
    let _ = cache.invalidate(Invalidation::of(names.selector(&1)).soft()).await;
    assert_eq!(names.get_cached(&1), Cached::Nothing);
    database.fail(Some("away"));
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
    let _ = names.invalidate(&1).await;
    let error = names.get_or_load(&1, || database.load(1)).await.unwrap_err();
    assert_eq!(error.get_ref().to_string(), "away");
}

/// Rule 10: a value that another instance loaded is trusted for the bound on staleness since the
/// log was confirmed, not since it was read.
#[tokio::test]
async fn a_value_of_another_instance_is_trusted_since_the_log_was_confirmed() {
    let (store, clock, database) = (MemoryStore::new(), ManualClock::new(), Database::with(1, "Ada"));
    let instance = || ready(Cache::builder().shared_store(store.clone()).clock(clock.clone()));
    let (a, b) = (names(&instance().await), names(&instance().await));
    get(&a, &database, 1).await;
    soon("it is shared", async {
        while store.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The log is not read from now on, so it stays confirmed for this moment.
    store.fail(StoreErrorKind::Unreachable);
    settle().await;
    clock.advance(Duration::from_millis(1_500));
    store.heal();
    let found = b.get(&1).await;
    store.fail(StoreErrorKind::Unreachable);
    assert!(found.is_cached() && b.get_cached(&1).is_cached());
    clock.advance(Duration::from_millis(501));
    assert_eq!(b.get_cached(&1), Cached::Nothing);
}
