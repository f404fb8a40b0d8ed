//! Collections with a loader, which loads without a caller.

use std::io;
use std::time::Duration;

use larder::Cache;
use larder::values::{LoadErrorKind, LoadingValues};
use larder_testing::ManualClock;

use crate::support::{Database, TTL, builder, cache, settle, soon};

type Loading = LoadingValues<u64, String, io::Error>;

const WINDOW: Duration = Duration::from_secs(50);

/// Returns a collection that loads from the database, with both windows.
fn loading(cache: &Cache, database: &Database) -> Loading {
    let database = database.clone();
    builder(cache)
        .stale_while_revalidate(WINDOW)
        .stale_if_error(WINDOW)
        .loader(move |id| {
            let database = database.clone();
            async move { database.load(id).await }
        })
        .build()
        .unwrap()
}

async fn load(names: &Loading) -> Option<String> {
    names.load(&1).await.unwrap().map(|name| (*name).clone())
}

/// Waits until the new name is in memory.
async fn wait_until_new(names: &Loading) {
    soon("the new name is in memory", async {
        while names.get_cached(&1).into_value().is_none_or(|name| name.as_str() != "new") {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_goes_on_after_its_callers_have_left() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = loading(&cache, &database);
    let gate = database.hold();
    let call = tokio::spawn({
        let names = names.clone();
        async move { load(&names).await }
    });
    gate.arrived(1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    gate.open();
    soon("it is stored", async {
        while !names.get_cached(&1).is_cached() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(database.loads(), 1);
}

/// The number of loads without a caller is bounded.
#[tokio::test]
async fn a_load_without_a_permit_ends_with_its_callers() {
    let cache = Cache::builder().max_abandoned_fills(0).build();
    let database = Database::with(1, "Ada");
    let names = loading(&cache, &database);
    let gate = database.hold();
    let call = tokio::spawn({
        let names = names.clone();
        async move { load(&names).await }
    });
    gate.arrived(1).await;
    call.abort();
    let _ = call.await;
    soon("it is abandoned", async {
        while !names.stats().not_stored.contains_key("abandoned") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.open();
    settle().await;
    assert!(!names.get_cached(&1).is_cached());
    database.release();
    assert_eq!(load(&names).await.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn a_stale_value_is_refreshed_in_the_background() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "old"));
    let names = loading(&cache(&clock), &database);
    assert_eq!(load(&names).await.as_deref(), Some("old"));
    database.set(1, "new");
    clock.advance(TTL);
    let gate = database.hold();
    for _ in 0..20 {
        assert_eq!(soon("at once", load(&names)).await.as_deref(), Some("old"));
        assert_eq!(names.get(&1).await.into_value().unwrap().as_str(), "old");
        let with_own_load = names.get_or_load(&1, async || Err::<String, _>(io::Error::other("not called")));
        assert_eq!(with_own_load.await.unwrap().unwrap().as_str(), "old");
    }
    gate.arrived(1).await;
    gate.open();
    soon("it is refreshed", async {
        while load(&names).await.as_deref() != Some("new") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((database.loads(), names.stats().refreshes), (2, 1));
}

/// While the value is still fresh, a hit shortly before its expiry refreshes it.
#[tokio::test]
async fn a_value_is_refreshed_before_it_expires() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "old"));
    let names = {
        let (clock, database) = (clock.clone(), database.clone());
        builder(&cache(&clock.clone()))
            .early_refresh(1000.0)
            .loader(move |id| {
                let (clock, database) = (clock.clone(), database.clone());
                async move {
                    // The load seems to take a second.
                    clock.advance(Duration::from_secs(1));
                    database.load(id).await
                }
            })
            .build()
            .unwrap()
    };
    assert_eq!(names.load(&1).await.unwrap().unwrap().as_str(), "old");
    database.set(1, "new");
    clock.advance(TTL - Duration::from_millis(10));
    assert_eq!(names.get_cached(&1).into_value().unwrap().as_str(), "old");
    wait_until_new(&names).await;
    assert_eq!(database.loads(), 2);
}

/// Every call that gets the stale value would otherwise try again.
#[tokio::test]
async fn a_refresh_that_fails_is_not_tried_again_at_once() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let names = loading(&cache(&clock), &database);
    load(&names).await;
    clock.advance(TTL);
    database.fail(Some("away"));
    for _ in 0..20 {
        assert_eq!(load(&names).await.as_deref(), Some("Ada"));
        settle().await;
    }
    assert_eq!(database.loads(), 2);
    clock.advance(Duration::from_secs(1));
    assert_eq!(load(&names).await.as_deref(), Some("Ada"));
    settle().await;
    assert_eq!(database.loads(), 3);
}

/// The same holds if the stale value is only served while it is refreshed.
#[tokio::test]
async fn a_refresh_that_fails_is_not_tried_again_at_once_without_a_window_for_errors() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let names = {
        let database = database.clone();
        builder(&cache(&clock))
            .stale_while_revalidate(WINDOW)
            .loader(move |id| {
                let database = database.clone();
                async move { database.load(id).await }
            })
            .build()
            .unwrap()
    };
    load(&names).await;
    clock.advance(TTL);
    database.fail(Some("away"));
    for _ in 0..20 {
        assert_eq!(load(&names).await.as_deref(), Some("Ada"));
        settle().await;
    }
    assert_eq!(database.loads(), 2);
}

/// The call gets the stale value at the soft limit, and the load goes on without it.
#[tokio::test(start_paused = true)]
async fn a_slow_load_goes_on_while_its_caller_gets_the_stale_value() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "old"));
    let names = {
        let database = database.clone();
        builder(&cache(&clock))
            .stale_if_error(WINDOW)
            .serve_stale_after(Duration::from_secs(1))
            .loader(move |id| {
                let database = database.clone();
                async move { database.load(id).await }
            })
            .build()
            .unwrap()
    };
    load(&names).await;
    database.set(1, "new");
    clock.advance(TTL);
    let gate = database.hold();
    // Paused time goes on as soon as all tasks wait.
    assert_eq!(load(&names).await.as_deref(), Some("old"));
    gate.open();
    wait_until_new(&names).await;
    assert_eq!(database.loads(), 2);
}

#[tokio::test]
async fn errors_and_panics_of_a_loader_reach_its_callers() {
    let (cache, database) = (Cache::default(), Database::default());
    let names = loading(&cache, &database);
    database.fail(Some("away"));
    let error = names.load(&1).await.unwrap_err();
    assert_eq!((error.kind(), error.get_ref().to_string()), (LoadErrorKind::Failed, "away".to_owned()));

    let panicking = cache
        .values::<u64, String>("panicking")
        .loader(async |_| -> Result<String, ()> { std::panic::resume_unwind(Box::new("on purpose")) })
        .build()
        .unwrap();
    let call = tokio::spawn(async move { panicking.load(&1).await.map(drop) });
    assert!(soon("the panic", call).await.unwrap_err().is_panic());
}

/// A closed cache waits for the loads that run.
#[tokio::test]
async fn closing_waits_for_a_load() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = loading(&cache, &database);
    let gate = database.hold();
    let call = tokio::spawn({
        let names = names.clone();
        async move { load(&names).await }
    });
    gate.arrived(1).await;
    let closing = tokio::spawn({
        let cache = cache.clone();
        async move { cache.close().await }
    });
    settle().await;
    assert!(!closing.is_finished());
    gate.open();
    assert!(soon("it closes", closing).await.unwrap().is_clean());
    assert_eq!(call.await.unwrap().as_deref(), Some("Ada"));
    database.release();
    assert_eq!(get_other(&names, &database).await, None, "it still loads");
}

async fn get_other(names: &Loading, database: &Database) -> Option<String> {
    names.get_or_load(&2, || database.load(2)).await.unwrap().map(|name| (*name).clone())
}
