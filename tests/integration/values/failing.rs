//! Loads that fail or panic.

use std::error::Error;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use larder::Cache;
use larder::values::{LoadError, LoadErrorKind};
use larder_testing::{Gate, ManualClock};
use tokio::task::JoinSet;

use crate::support::{Database, Names, TTL, builder, cache, get, names, settle, soon, spawn_get};

type Answer<T> = Result<Option<Arc<String>>, LoadError<T>>;

async fn fallible(names: &Names, database: &Database) -> Answer<io::Error> {
    names.get_or_load(&1, || database.load(1)).await
}

#[tokio::test]
async fn an_error_keeps_its_type_and_is_not_cached() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    database.fail(Some("the database is away"));
    for loads in 1..3 {
        let error = fallible(&names, &database).await.unwrap_err();
        assert_eq!(error.kind(), LoadErrorKind::Failed);
        assert_eq!(error.get_ref().to_string(), "the database is away");
        assert_eq!(error.source().unwrap().to_string(), "the database is away");
        assert_eq!(error.to_string(), "load failed");
        assert_eq!(database.loads(), loads);
    }
    database.fail(None);
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
    assert_eq!((names.stats().failed_loads, names.stats().loads), (2, 3));
}

#[tokio::test]
async fn all_calls_that_wait_share_one_error() {
    let (cache, database) = (Cache::default(), Database::default());
    let names = names(&cache);
    let gate = database.hold();
    database.fail(Some("away"));
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (names, database) = (names.clone(), database.clone());
        calls.spawn(async move { fallible(&names, &database).await.unwrap_err() });
    }
    gate.arrived(1).await;
    settle().await;
    gate.open();
    let errors = soon("all errors", calls.join_all()).await;
    assert_eq!(database.loads(), 1);
    let own = errors.iter().filter(|error| error.kind() == LoadErrorKind::Failed).count();
    let others = errors.iter().filter(|error| error.kind() == LoadErrorKind::Shared).count();
    assert_eq!((own, others), (1, 49));
    let first = errors[0].clone().into_shared();
    assert!(errors.into_iter().all(|error| Arc::ptr_eq(&error.into_shared(), &first)));
}

/// An error of another type is of no use to a call. It loads for itself.
#[tokio::test]
async fn a_call_with_other_errors_loads_for_itself() {
    let (cache, database) = (Cache::default(), Database::default());
    let names = names(&cache);
    let gate = database.hold();
    database.fail(Some("away"));
    let first = {
        let (names, database) = (names.clone(), database.clone());
        tokio::spawn(async move { fallible(&names, &database).await.unwrap_err() })
    };
    gate.arrived(1).await;
    let second = {
        let names = names.clone();
        tokio::spawn(async move { names.get_or_load(&1, async || Err::<String, _>(7_u8)).await })
    };
    settle().await;
    gate.open();
    assert_eq!(first.await.unwrap().get_ref().to_string(), "away");
    let error = soon("its own load", second).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.get_ref()), (LoadErrorKind::Failed, &7));
}

/// Few calls load at the same time after a load whose error they cannot use.
#[tokio::test]
async fn calls_with_other_errors_are_few_at_a_time() {
    let (cache, database) = (Cache::default(), Database::default());
    let names = names(&cache);
    let gate = database.hold();
    database.fail(Some("away"));
    let first = {
        let (names, database) = (names.clone(), database.clone());
        tokio::spawn(async move { fallible(&names, &database).await.map(drop) })
    };
    gate.arrived(1).await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (names, running, most) = (names.clone(), Arc::clone(&running), Arc::clone(&most));
        calls.spawn(async move {
            let load = async || {
                let now = 1 + running.fetch_add(1, Ordering::SeqCst);
                most.fetch_max(now, Ordering::SeqCst);
                settle().await;
                running.fetch_sub(1, Ordering::SeqCst);
                Err::<String, _>(7_u8)
            };
            names.get_or_load(&1, load).await.unwrap_err();
        });
    }
    settle().await;
    gate.open();
    soon("all calls", calls.join_all()).await;
    assert!((1..=4).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    first.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn an_error_is_remembered_if_the_collection_says_so() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let cache = cache(&clock);
    let ttl = Duration::from_secs(2);
    let names = builder(&cache).error_ttl(ttl).build().unwrap();
    database.fail(Some("away"));
    let first = fallible(&names, &database).await.unwrap_err();
    database.fail(None);
    let again = fallible(&names, &database).await.unwrap_err();
    assert_eq!(again.kind(), LoadErrorKind::Remembered);
    assert!(Arc::ptr_eq(&first.into_shared(), &again.into_shared()));
    assert_eq!(database.loads(), 1);
    // Its type does not fit this call, which loads.
    let load = async || Ok::<_, u8>("other".to_owned());
    assert_eq!(names.get_or_load(&1, load).await.unwrap().unwrap().as_str(), "other");

    let _ = names.invalidate(&1).await;
    database.fail(Some("away"));
    fallible(&names, &database).await.unwrap_err();
    database.fail(None);
    clock.advance(ttl);
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn an_invalidation_ends_a_remembered_error() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = builder(&cache).error_ttl(TTL).build().unwrap();
    database.fail(Some("away"));
    fallible(&names, &database).await.unwrap_err();
    database.fail(None);
    fallible(&names, &database).await.unwrap_err();
    let _ = names.invalidate(&1).await;
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
}

/// The caller of the load gets the panic. The calls that wait load again.
#[tokio::test]
async fn a_panic_is_that_of_its_caller_and_others_load() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    let gate = Gate::new();
    let panicking = {
        let (names, gate) = (names.clone(), gate.clone());
        tokio::spawn(async move {
            let load = async || -> Result<String, ()> {
                gate.pass().await;
                std::panic::resume_unwind(Box::new("on purpose"))
            };
            let _ = names.get_or_load(&1, load).await;
        })
    };
    gate.arrived(1).await;
    let waiting = spawn_get(&names, &database, 1);
    settle().await;
    gate.open();
    assert!(panicking.await.unwrap_err().is_panic());
    assert_eq!(soon("a second load", waiting).await.unwrap().as_deref(), Some("Ada"));
    assert_eq!(names.stats().failed_loads, 1);
}

/// A function that panics before it returns a future, too.
#[tokio::test]
async fn a_panic_before_the_load_leaves_nothing_behind() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    let load =
        || -> std::future::Ready<Result<String, ()>> { std::panic::resume_unwind(Box::new("on purpose")) };
    let call = AssertUnwindSafe(names.get_or_load(&1, load));
    let caught = tokio::spawn({
        let names = names.clone();
        async move {
            let load = || -> std::future::Ready<Result<String, ()>> {
                std::panic::resume_unwind(Box::new("on purpose"))
            };
            let _ = names.get_or_load(&1, load).await;
        }
    });
    drop(call);
    assert!(caught.await.unwrap_err().is_panic());
    assert_eq!(soon("a load", get(&names, &database, 1)).await.as_deref(), Some("Ada"));
}
