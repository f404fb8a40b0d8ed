//! Write-behind collections with a loader.

use std::io;
use std::sync::Arc;

use larder::Cache;
use larder::store::StoreErrorKind;
use larder::values::{LoadErrorKind, Loader, ReadError, ValuesBuilder, WriteBehind, WriteBehindBuilder};
use larder_testing::{ManualClock, MemoryStore};
use larder_tests::redis::eventually;

use crate::queued_writes::{payload, push_without_event};
use crate::support::{Database, TTL, ready, settle, soon};
use crate::table_sink::{Table, short};

type LoadedCarts = WriteBehind<u64, String, Loader<io::Error>>;

/// A collection whose loader reads `database`, and whose sink writes to a table of its own.
fn builder(
    cache: &Cache,
    database: &Database,
    table: &Table,
) -> WriteBehindBuilder<ValuesBuilder<u64, String, Loader<io::Error>>, Table> {
    let database = database.clone();
    let loader = move |id| {
        let database = database.clone();
        async move { database.load(id).await }
    };
    let values = cache.values("cart").ttl(TTL).jitter(0.0).stale_while_revalidate(TTL);
    short(values.early_refresh(0.0).loader(loader).write_behind(table.clone()))
}

async fn over(store: &MemoryStore, clock: &ManualClock) -> Cache {
    let cache = Cache::builder().write_queue(store.clone()).shared_store(store.clone());
    ready(cache.clock(clock.clone())).await
}

async fn load(carts: &LoadedCarts, key: u64) -> Option<String> {
    carts.load(&key).await.unwrap().map(|cart| (*cart).clone())
}

#[tokio::test]
async fn the_pending_value_needs_no_load_and_another_one_is_loaded() {
    let (store, clock) = (MemoryStore::default(), ManualClock::new());
    let (database, table) = (Database::with(1, "old"), Table::default());
    let cache = over(&store, &clock).await;
    let carts = builder(&cache, &database, &table).build().unwrap();
    assert_eq!(load(&carts, 1).await.as_deref(), Some("old"));
    let _gate = table.hold();
    carts.write(&1, "new".to_owned()).await.unwrap();
    let _ = carts.invalidate(&1).await;
    assert_eq!(load(&carts, 1).await.as_deref(), Some("new"));
    assert_eq!(load(&carts, 2).await, None);
    assert_eq!(database.loads(), 2);
    let own_load = carts.get_or_load(&1, || database.load(1)).await.unwrap();
    assert_eq!(own_load.as_deref().map(String::as_str), Some("new"));
}

/// A refresh in the background asks the queue, too. Nothing else asks here: the write has no event.
#[tokio::test]
async fn a_refresh_in_the_background_asks_the_queue_first() {
    let (store, clock) = (MemoryStore::default(), ManualClock::new());
    let (database, table) = (Database::with(1, "old"), Table::default());
    let cache = over(&store, &clock).await;
    let carts = builder(&cache, &database, &table).build().unwrap();
    assert_eq!(load(&carts, 1).await.as_deref(), Some("old"));
    let gate = table.hold();
    push_without_event(&store, 1, payload("1", "\"new\"")).await;
    soon("a flush begins", gate.arrived(1)).await;
    clock.advance(TTL);
    eventually("the log is read", async || carts.get(&1).await.into_value().is_some()).await;
    assert_eq!(load(&carts, 1).await.as_deref(), Some("old"), "it is stale, and refreshed");
    eventually("it is refreshed", async || load(&carts, 1).await.as_deref() == Some("new")).await;
    assert_eq!(database.loads(), 1);
}

/// A load that its caller left goes on, and its value is cached.
#[tokio::test]
async fn an_abandoned_load_is_finished() {
    let (store, clock) = (MemoryStore::default(), ManualClock::new());
    let (database, table) = (Database::with(1, "cheese"), Table::default());
    let cache = over(&store, &clock).await;
    let carts = builder(&cache, &database, &table).build().unwrap();
    let gate = database.hold();
    let caller = {
        let carts = carts.clone();
        tokio::spawn(async move { load(&carts, 1).await })
    };
    soon("the load begins", gate.arrived(1)).await;
    caller.abort();
    settle().await;
    gate.open();
    eventually("its value is cached", async || carts.get_cached(&1).is_cached()).await;
    assert_eq!(database.loads(), 1);
}

/// The errors of the loader and of the queue have one type, which callers that wait share.
#[tokio::test]
async fn errors_say_whether_the_load_or_the_queue_failed() {
    let clock = ManualClock::new();
    let (database, table) = (Database::default(), Table::default());
    let (queue, store) = (MemoryStore::default(), MemoryStore::default());
    let cache = Cache::builder().write_queue(queue.clone()).shared_store(store.clone());
    let cache = ready(cache.clock(clock.clone())).await;
    let carts = builder(&cache, &database, &table).build().unwrap();
    database.fail(Some("no table"));
    let gate = database.hold();
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let carts = carts.clone();
            tokio::spawn(async move { carts.load(&1).await.unwrap_err() })
        })
        .collect();
    soon("the load begins", gate.arrived(1)).await;
    settle().await;
    gate.open();
    let mut kinds = Vec::new();
    for call in calls {
        let error = soon("an answer", call).await.unwrap();
        assert!(matches!(error.get_ref(), ReadError::Load(error) if error.to_string() == "no table"));
        kinds.push(error.kind());
    }
    assert!(kinds.contains(&LoadErrorKind::Failed) && kinds.contains(&LoadErrorKind::Shared), "{kinds:?}");
    assert_eq!(database.loads(), 1);
    queue.fail(StoreErrorKind::Timeout);
    let error = carts.load(&1).await.unwrap_err();
    assert!(matches!(error.get_ref(), ReadError::PendingUnavailable), "{error:?}");
    assert_eq!(database.loads(), 1);
    // Errors of a load of the caller have another type, which is no problem.
    let error = carts.get_or_load(&1, async || Err::<String, _>(())).await.unwrap_err();
    assert!(matches!(error.get_ref(), ReadError::PendingUnavailable));
}

/// The loader does not keep the collection alive.
#[tokio::test]
async fn the_collection_ends_with_its_last_handle() {
    let (store, clock) = (MemoryStore::default(), ManualClock::new());
    let (database, table) = (Database::default(), Table::default());
    let kept = Arc::new(());
    let cache = over(&store, &clock).await;
    let in_sink = Arc::clone(&kept);
    let values = cache.values::<u64, String>("cart").tags(move |_, _| {
        let _ = &in_sink;
        [] as [String; 0]
    });
    let values = values.loader(move |id| {
        let database = database.clone();
        async move { database.load(id).await }
    });
    let carts = short(values.write_behind(table)).build().unwrap();
    assert_eq!(carts.load(&1).await.unwrap(), None);
    drop(carts);
    eventually("it is dropped", async || Arc::strong_count(&kept) == 1).await;
}
