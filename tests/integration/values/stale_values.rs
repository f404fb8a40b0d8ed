//! Values that are served although they are stale.

use std::time::Duration;

use larder::values::Cached;
use larder_testing::{ManualClock, MemoryStore};

use crate::support::{Database, TTL, builder, cache, get, ready, settle, soon, spawn_get};

const WINDOW: Duration = Duration::from_secs(50);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_stale_value_stands_in_for_a_load_that_fails_within_its_window() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let names = builder(&cache(&clock)).stale_if_error(WINDOW).build().unwrap();
    get(&names, &database, 1).await;
    database.fail(Some("away"));
    clock.advance(TTL);
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
    assert_eq!(database.loads(), 2);
    assert_eq!(names.stats().stale["stale-if-error"], 1);
    // It is no fresh value for those who load nothing.
    assert_eq!(names.get(&1).await, Cached::Nothing);
    clock.advance(WINDOW);
    let error = names.get_or_load(&1, || database.load(1)).await.unwrap_err();
    assert_eq!(error.get_ref().to_string(), "away");
}

#[tokio::test]
async fn a_panic_is_a_failure_for_which_a_stale_value_stands_in() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let names = builder(&cache(&clock)).stale_if_error(WINDOW).build().unwrap();
    get(&names, &database, 1).await;
    clock.advance(TTL);
    let load = async || -> Result<String, ()> { std::panic::resume_unwind(Box::new("on purpose")) };
    assert_eq!(names.get_or_load(&1, load).await.unwrap().unwrap().as_str(), "Ada");
}

#[tokio::test]
async fn a_failing_load_is_tried_once_in_each_period() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let names = builder(&cache(&clock)).stale_if_error(WINDOW).retry_after_error(5 * SECOND).build().unwrap();
    get(&names, &database, 1).await;
    clock.advance(TTL);
    database.fail(Some("away"));
    for (second, loads) in [(0, 2), (0, 2), (4, 2), (1, 3), (0, 3), (4, 3), (1, 4)] {
        clock.advance(second * SECOND);
        assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
        assert_eq!(database.loads(), loads, "{second}");
    }
    database.fail(None);
    database.set(1, "Eve");
    clock.advance(5 * SECOND);
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Eve"));
}

/// The limit holds over all instances.
#[tokio::test]
async fn a_failing_load_is_tried_by_one_instance_at_a_time() {
    let (clock, database, store) = (ManualClock::new(), Database::with(1, "Ada"), MemoryStore::new());
    let mut instances = Vec::new();
    for _ in 0..4 {
        let cache = ready(larder::Cache::builder().clock(clock.clone()).shared_store(store.clone())).await;
        let names = builder(&cache).stale_if_error(WINDOW).retry_after_error(5 * SECOND).build().unwrap();
        instances.push(names);
    }
    get(&instances[0], &database, 1).await;
    soon("it is shared", async {
        while store.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for names in &instances {
        assert_eq!(get(names, &database, 1).await.as_deref(), Some("Ada"));
    }
    assert_eq!(database.loads(), 1);
    clock.advance(TTL);
    // The manual clock has confirmed the log long ago. Another poll confirms it for this moment.
    for names in &instances {
        soon("the log is confirmed", async {
            while names.entry(&1).await.is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
    database.fail(Some("away"));
    for names in &instances {
        assert_eq!(get(names, &database, 1).await.as_deref(), Some("Ada"));
        // The lease is released in the background.
        settle().await;
    }
    assert_eq!(database.loads(), 2);
}

/// Without a loader, one call loads while the others get the stale value at once.
#[tokio::test]
async fn one_call_revalidates_while_others_get_the_stale_value() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "old"));
    let names = builder(&cache(&clock)).stale_while_revalidate(WINDOW).build().unwrap();
    get(&names, &database, 1).await;
    database.set(1, "new");
    clock.advance(TTL);
    let gate = database.hold();
    let first = spawn_get(&names, &database, 1);
    gate.arrived(1).await;
    for _ in 0..10 {
        assert_eq!(soon("at once", get(&names, &database, 1)).await.as_deref(), Some("old"));
        assert_eq!(names.get(&1).await.into_value().unwrap().as_str(), "old");
    }
    gate.open();
    assert_eq!(first.await.unwrap().as_deref(), Some("new"));
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("new"));
    assert_eq!(database.loads(), 2);
    assert_eq!(names.stats().stale["stale-while-revalidate"], 20);
}

/// The call whose load runs waits for it, because the load ends with its call.
#[tokio::test(start_paused = true)]
async fn a_slow_load_serves_stale_values_to_others_from_the_soft_limit_on() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "old"));
    let names = builder(&cache(&clock)).stale_if_error(WINDOW).serve_stale_after(SECOND).build().unwrap();
    get(&names, &database, 1).await;
    database.set(1, "new");
    clock.advance(TTL);
    let gate = database.hold();
    let call = || spawn_get(&names, &database, 1);
    let first = call();
    gate.arrived(1).await;
    let second = call();
    // Paused time goes on as soon as all tasks wait.
    assert_eq!(second.await.unwrap().as_deref(), Some("old"));
    assert!(!first.is_finished());
    gate.open();
    assert_eq!(first.await.unwrap().as_deref(), Some("new"));
    assert_eq!(names.stats().stale["slow-handler"], 1);
    assert_eq!(database.loads(), 2);
}
