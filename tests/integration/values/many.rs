//! Many values at once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use larder::Cache;
use larder::values::{Cached, LoadErrorKind};
use larder_testing::{Gate, MemoryStore};

use crate::support::{Database, Names, get, names, over, settle, soon};

/// Loads that note which keys they were asked for.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<Vec<u64>>>>);

impl Batches {
    /// Loads the names of these ids, except for those over 100.
    async fn load(&self, gate: Option<&Gate>, ids: Vec<u64>) -> io::Result<HashMap<u64, String>> {
        self.0.lock().unwrap().push(ids.clone());
        if let Some(gate) = gate {
            gate.pass().await;
        }
        Ok(ids.into_iter().filter(|id| *id <= 100).map(|id| (id, format!("name {id}"))).collect())
    }

    fn taken(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

async fn get_many(names: &Names, batches: &Batches, ids: &[u64]) -> Vec<Option<String>> {
    let found = names.get_many_or_load(ids, |missing| batches.load(None, missing)).await.unwrap();
    found.into_iter().map(|name| name.map(|name| (*name).clone())).collect()
}

fn expected(ids: &[u64]) -> Vec<Option<String>> {
    ids.iter().map(|id| (*id <= 100).then(|| format!("name {id}"))).collect()
}

#[tokio::test]
async fn what_is_missing_is_one_load_and_the_order_is_that_of_the_keys() {
    let (cache, batches) = (Cache::default(), Batches::default());
    let names = names(&cache);
    assert_eq!(get_many(&names, &batches, &[]).await, []);
    let ids = [3, 1, 101, 3, 2];
    assert_eq!(get_many(&names, &batches, &ids).await, expected(&ids));
    assert_eq!(batches.taken(), [vec![3, 1, 101, 2]]);
    let ids = [1, 5, 2, 4];
    assert_eq!(get_many(&names, &batches, &ids).await, expected(&ids));
    assert_eq!(batches.taken(), [vec![5, 4]]);
    let stats = names.stats();
    assert_eq!((stats.hits_memory, stats.stored), (2, 5), "absences are not stored by default");
    assert!([1, 2, 3, 4, 5].iter().all(|id| names.get_cached(id).is_cached()));
}

/// The store is asked once for all of them.
#[tokio::test]
async fn what_another_instance_has_stored_is_read_at_once() {
    let (store, batches) = (MemoryStore::new(), Batches::default());
    let (a, b) = (names(&over(&store).await), names(&over(&store).await));
    let ids: Vec<u64> = (0..50).collect();
    get_many(&a, &batches, &ids).await;
    batches.taken();
    soon("all are shared", async {
        while b.entry(&49).await.is_none() {
            settle().await;
        }
    })
    .await;
    let ids: Vec<u64> = (0..60).collect();
    assert_eq!(get_many(&b, &batches, &ids).await, expected(&ids));
    assert_eq!(batches.taken(), [(50..60).collect::<Vec<u64>>()]);
    assert_eq!(b.stats().hits_shared, 49, "and one was put into memory by the wait above");
}

/// Guarantee 3, also for keys that overlap.
#[tokio::test]
async fn a_key_that_another_call_loads_is_waited_for() {
    let (cache, batches, gate) = (Cache::default(), Batches::default(), Gate::new());
    let names = names(&cache);
    let first = {
        let (names, batches, gate) = (names.clone(), batches.clone(), gate.clone());
        tokio::spawn(async move {
            names.get_many_or_load(&[1, 2], |missing| batches.load(Some(&gate), missing)).await.unwrap()
        })
    };
    gate.arrived(1).await;
    let second = {
        let (names, batches) = (names.clone(), batches.clone());
        tokio::spawn(async move { get_many(&names, &batches, &[2, 3]).await })
    };
    let single = {
        let names = names.clone();
        tokio::spawn(async move { get(&names, &Database::default(), 1).await })
    };
    settle().await;
    gate.open();
    assert_eq!(first.await.unwrap().len(), 2);
    assert_eq!(soon("the second call", second).await.unwrap(), expected(&[2, 3]));
    assert_eq!(single.await.unwrap().as_deref(), Some("name 1"));
    assert_eq!(batches.taken(), [vec![1, 2], vec![3]]);
}

/// Two calls with the same keys in another order must not wait for each other.
#[tokio::test]
async fn calls_on_two_instances_share_their_loads_and_do_not_block_each_other() {
    let (store, batches) = (MemoryStore::new(), Batches::default());
    let instances = [names(&over(&store).await), names(&over(&store).await)];
    let ids: Vec<u64> = (0..40).collect();
    let call = |names: &Names, ids: Vec<u64>| {
        let (names, batches) = (names.clone(), batches.clone());
        tokio::spawn(async move { get_many(&names, &batches, &ids).await == expected(&ids) })
    };
    let calls = [call(&instances[0], ids.clone()), call(&instances[1], ids.into_iter().rev().collect())];
    for call in calls {
        assert!(soon("each call ends", call).await.unwrap());
    }
    let loaded: usize = batches.taken().iter().map(Vec::len).sum();
    assert_eq!(loaded, 40, "each value was loaded once");
}

#[tokio::test]
async fn an_error_is_that_of_all_and_nothing_is_stored() {
    let cache = Cache::default();
    let names = names(&cache);
    let load = |_: Vec<u64>| async { Err::<HashMap<u64, String>, _>(io::Error::other("away")) };
    let error = names.get_many_or_load(&[1, 2], load).await.unwrap_err();
    assert_eq!(error.get_ref().to_string(), "away");
    assert_eq!(names.get_cached(&1), Cached::Nothing);
    assert_eq!((names.stats().failed_loads, names.stats().stored), (2, 0));
}

/// One more load would put more load on a database that fails already.
#[tokio::test]
async fn the_error_of_a_load_that_the_call_waits_for_is_its_own() {
    let (cache, batches) = (Cache::default(), Batches::default());
    let names = names(&cache);
    let database = Database::with(2, "Ada");
    database.fail(Some("away"));
    let gate = database.hold();
    let single = {
        let (names, database) = (names.clone(), database.clone());
        tokio::spawn(async move { names.get_or_load(&2, || database.load(2)).await.unwrap_err() })
    };
    gate.arrived(1).await;
    let many = {
        let (names, batches) = (names.clone(), batches.clone());
        let call = async move {
            names.get_many_or_load(&[1, 2], |missing| batches.load(None, missing)).await.unwrap_err()
        };
        tokio::spawn(call)
    };
    settle().await;
    gate.open();
    assert_eq!(single.await.unwrap().kind(), LoadErrorKind::Failed);
    let error = soon("the other call", many).await.unwrap();
    assert_eq!((error.kind(), error.get_ref().to_string()), (LoadErrorKind::Shared, "away".to_owned()));
    assert_eq!((batches.taken(), database.loads()), (vec![vec![1]], 1));
    assert!(names.get_cached(&1).is_cached(), "its own load is stored");
}

/// The load runs within the call, and the keys are free again after it.
#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_flight() {
    let (cache, batches) = (Cache::default(), Batches::default());
    let names = names(&cache);
    let gate = Gate::new();
    let call = names.get_many_or_load(&[1, 2], |missing| batches.load(Some(&gate), missing));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(1), call).await.is_err());
    assert_eq!(soon("another call", get_many(&names, &batches, &[1, 2])).await, expected(&[1, 2]));
}

#[tokio::test]
async fn a_panic_goes_on_and_leaves_no_flight() {
    let (cache, batches) = (Cache::default(), Batches::default());
    let names = names(&cache);
    let call = {
        let names = names.clone();
        let load = |_: Vec<u64>| async { panic!("the driver has a bug") };
        async move {
            let _ = names.get_many_or_load::<_, _, HashMap<u64, String>, io::Error>(&[1, 2], load).await;
        }
    };
    assert!(tokio::spawn(call).await.unwrap_err().is_panic());
    assert_eq!(soon("another call", get_many(&names, &batches, &[1, 2])).await, expected(&[1, 2]));
}

/// A load that began before the invalidation is only for the calls before it.
#[tokio::test]
async fn values_that_an_invalidation_overtook_are_not_stored() {
    let (cache, batches, gate) = (Cache::default(), Batches::default(), Gate::new());
    let names = names(&cache);
    let before = {
        let (names, batches, gate) = (names.clone(), batches.clone(), gate.clone());
        tokio::spawn(async move {
            names.get_many_or_load(&[1, 2], |missing| batches.load(Some(&gate), missing)).await.unwrap()
        })
    };
    gate.arrived(1).await;
    let _ = names.invalidate(&1).await;
    gate.open();
    assert_eq!(before.await.unwrap().len(), 2);
    assert_eq!([1, 2].map(|id| names.get_cached(&id).is_cached()), [false, true]);
}

/// No query gets arbitrarily long.
#[tokio::test]
async fn very_many_keys_are_several_loads() {
    let (cache, batches) = (Cache::default(), Batches::default());
    let names = names(&cache);
    let ids: Vec<u64> = (0..2_500).collect();
    assert_eq!(get_many(&names, &batches, &ids).await, expected(&ids));
    assert_eq!(batches.taken().iter().map(Vec::len).collect::<Vec<_>>(), [1024, 1024, 452]);
}

#[tokio::test]
async fn a_disabled_cache_loads_everything_at_once() {
    let batches = Batches::default();
    let names = names(&Cache::disabled());
    for _ in 0..2 {
        assert_eq!(get_many(&names, &batches, &[1, 2]).await, expected(&[1, 2]));
    }
    assert_eq!(batches.taken(), [[1, 2], [1, 2]]);
}

#[tokio::test]
async fn keys_that_are_too_long_are_loaded_each_time() {
    let cache = Cache::default();
    let texts = cache.values::<String, String>("text").build().unwrap();
    let ids = ["a".to_owned(), "k".repeat(10_000)];
    let load = |missing: Vec<String>| async {
        Ok::<_, io::Error>(missing.into_iter().map(|key| (key.clone(), key)).collect::<Vec<_>>())
    };
    for loads in [1, 1] {
        let found = texts.get_many_or_load(&ids, load).await.unwrap();
        assert!(found.iter().zip(&ids).all(|(found, id)| found.as_deref() == Some(id)));
        assert_eq!(texts.stats().loads, loads);
    }
}
