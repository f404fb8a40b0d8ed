//! Calls for one key share a load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use larder::Cache;
use larder_testing::{Gate, ManualClock};
use tokio::task::JoinSet;

use crate::support::{Database, Names, builder, cache, get, names, settle, soon, spawn_get};

/// Begins these many calls for the key 1, each in a task.
fn calls(names: &Names, database: &Database, number: usize) -> JoinSet<Option<String>> {
    let mut calls = JoinSet::new();
    for _ in 0..number {
        let (names, database) = (names.clone(), database.clone());
        calls.spawn(async move { get(&names, &database, 1).await });
    }
    calls
}

#[tokio::test]
async fn two_hundred_calls_are_one_load() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    let gate = database.hold();
    let calls = calls(&names, &database, 200);
    gate.arrived(1).await;
    settle().await;
    gate.open();
    let answers = soon("all answers", calls.join_all()).await;
    assert!(answers.iter().all(|answer| answer.as_deref() == Some("Ada")));
    assert_eq!((database.loads(), names.stats().collapsed), (1, 199));
}

/// An absence that is not stored is still the answer to the calls that waited for it.
#[tokio::test]
async fn calls_share_an_absence_that_is_not_stored() {
    let (cache, database) = (Cache::default(), Database::default());
    let names = names(&cache);
    let gate = database.hold();
    let calls = calls(&names, &database, 20);
    gate.arrived(1).await;
    settle().await;
    gate.open();
    assert_eq!(soon("all answers", calls.join_all()).await, vec![None; 20]);
    assert_eq!(database.loads(), 1);
}

#[tokio::test]
async fn other_keys_do_not_wait() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    database.set(2, "Bob");
    let names = names(&cache);
    let gate = database.hold();
    let waiting = calls(&names, &database, 1);
    gate.arrived(1).await;
    database.release();
    assert_eq!(soon("the other key", get(&names, &database, 2)).await.as_deref(), Some("Bob"));
    gate.open();
    soon("the first key", waiting.join_all()).await;
}

/// A load that borrows ends with its caller. Another call that waits begins a load of its own.
#[tokio::test]
async fn a_caller_that_leaves_takes_its_load_along_and_another_one_loads() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    let gate = database.hold();
    let first = spawn_get(&names, &database, 1);
    gate.arrived(1).await;
    let others = calls(&names, &database, 20);
    settle().await;
    assert_eq!(database.loads(), 1);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.arrived(2).await;
    settle().await;
    gate.open();
    let answers = soon("all answers", others.join_all()).await;
    assert!(answers.iter().all(|answer| answer.as_deref() == Some("Ada")));
    assert_eq!(database.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_too_slow_is_only_for_its_caller() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let cache = cache(&clock);
    let names = builder(&cache).load_timeout(Duration::from_secs(4)).build().unwrap();
    let gate = database.hold();
    let slow = calls(&names, &database, 1);
    gate.arrived(1).await;
    database.release();
    let others = calls(&names, &database, 3);
    // Paused time goes on as soon as all tasks wait.
    let answers = others.join_all().await;
    assert!(answers.iter().all(|answer| answer.as_deref() == Some("Ada")));
    assert!((2..5).contains(&database.loads()), "{}", database.loads());
    let found = names.get_cached(&1).into_value().unwrap();
    tokio::time::advance(Duration::from_secs(4)).await;
    settle().await;
    gate.open();
    assert_eq!(slow.join_all().await[0].as_deref(), Some("Ada"));
    assert_eq!(names.stats().not_stored["fill-timeout"], 1);
    assert!(Arc::ptr_eq(&found, &names.get_cached(&1).into_value().unwrap()), "it was not replaced");
}

/// A load that asks for its own value must not wait for itself.
#[tokio::test]
async fn a_load_that_asks_for_its_own_key_runs_again() {
    let names = names(&Cache::default());
    let loads = AtomicUsize::new(0);
    let inner = async || {
        loads.fetch_add(1, Ordering::SeqCst);
        Ok::<_, ()>("inner".to_owned())
    };
    let outer = async || {
        loads.fetch_add(1, Ordering::SeqCst);
        let inner = names.get_or_load(&1, inner).await.unwrap().unwrap();
        Ok::<_, ()>(format!("outer of {inner}"))
    };
    let value = soon("no deadlock", names.get_or_load(&1, outer)).await.unwrap().unwrap();
    assert_eq!((value.as_str(), loads.load(Ordering::SeqCst)), ("outer of inner", 2));
}

/// A value from before an event does not replace one from after it, even if the event names
/// neither.
#[tokio::test]
async fn an_older_value_does_not_replace_a_newer_one() {
    let cache = Cache::default();
    let names = names(&cache);
    let outer = async || {
        let _ = cache.invalidate("another").await;
        names.get_or_load(&1, async || Ok::<_, ()>("newer".to_owned())).await.unwrap();
        Ok::<_, ()>("older".to_owned())
    };
    assert_eq!(names.get_or_load(&1, outer).await.unwrap().unwrap().as_str(), "older");
    assert_eq!(names.get_cached(&1).into_value().unwrap().as_str(), "newer");
}

/// Two loads that ask for each other's values, as a graph of objects does. They notice it at once.
#[tokio::test]
async fn loads_that_ask_for_each_others_keys_end() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    database.set(2, "Bob");
    let cache = cache(&clock);
    let names = builder(&cache).load_timeout(Duration::from_secs(600)).build().unwrap();
    let gates = [Gate::new(), Gate::new()];
    let load = async |own: usize, other: u64| {
        let names = &names;
        let gate = &gates[own];
        let load = async || {
            gate.pass().await;
            let other = names.get_or_load(&other, || database.load(other)).await.unwrap();
            Ok::<_, std::io::Error>(other.map(|other| format!("friend of {other}")))
        };
        names.get_or_load(&(own as u64 + 1), load).await.unwrap().unwrap()
    };
    let begin = async {
        gates[0].arrived(1).await;
        gates[1].arrived(1).await;
        gates[0].open();
        gates[1].open();
    };
    let (one, two, ()) = soon("no deadlock", async { tokio::join!(load(0, 2), load(1, 1), begin) }).await;
    assert!(one.starts_with("friend of ") && two.starts_with("friend of "), "{one}, {two}");
    assert!(names.get_cached(&1).is_cached() || names.get_cached(&2).is_cached());
}
