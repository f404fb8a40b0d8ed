//! Write-behind over a store in the memory of the test: reads, writes, and what is refused.

use larder::feed::FeedItem;
use larder::values::{ReadError, Values, WriteErrorKind};
use larder::write_queue::{Durability, WriteId};
use larder::{Cache, ConfigErrorKind, store::StoreErrorKind};
use larder_testing::MemoryStore;
use larder_tests::redis::eventually;

use crate::queued_writes::{over, payload, push_without_event};
use crate::support::{ready, soon};
use crate::table_sink::{Table, behind, carts, flushed, get, get_many, short, try_get, write};

/// Until it is flushed, the pending value is the value, on every instance.
#[tokio::test]
async fn a_pending_value_is_the_value_on_every_instance() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let (a, b) = (over(&store).await, over(&store).await);
    let (a, b) = (carts(&a, &table), carts(&b, &table));
    assert_eq!(get(&b, &table, 1).await, None);
    let gate = table.hold();
    write(&a, 1, "cheese").await;
    soon("a flush begins", gate.arrived(1)).await;
    assert_eq!(table.row(1), None);
    eventually("the other instance has it", async || get(&b, &table, 1).await.as_deref() == Some("cheese"))
        .await;
    assert_eq!(get(&a, &table, 1).await.as_deref(), Some("cheese"));
    assert_eq!(table.loads(), 1, "the pending value needs no load");
    table.release();
    gate.open();
    flushed(&a).await;
    assert_eq!(table.row(1).as_deref(), Some("cheese"));
    assert_eq!((a.write_stats().queued, table.ignored()), (1, 0));
    assert_eq!(a.write_stats().flushed + b.write_stats().flushed, 1);
}

/// Before the flush, which invalidates the same once more.
#[tokio::test]
async fn a_write_also_invalidates_what_its_collection_names() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let builder = cache.values("cart").invalidates(|key| format!("page:{key}"));
    let carts = short(builder.write_behind(table.clone())).build().unwrap();
    let _gate = table.hold();
    let mut feed = cache.invalidations();
    write(&carts, 1, "cheese").await;
    let mut selectors = Vec::new();
    while selectors.len() < 2 {
        if let Some(FeedItem::Invalidation(applied)) = soon("an event", feed.next()).await {
            selectors.push(applied.selector);
        }
    }
    assert_eq!(selectors, ["k:v|cart|1", "t:page:1"]);
}

/// Writes that come together share entries of the log. Each value is still stored in memory.
#[tokio::test]
async fn writes_of_many_keys_at_once_are_all_in_memory_afterwards() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let (a, b) = (over(&store).await, over(&store).await);
    let (carts_a, carts_b) = (carts(&a, &table), carts(&b, &table));
    let _gate = table.hold();
    for round in ["first", "second"] {
        let mut writing = tokio::task::JoinSet::new();
        for key in 0..100 {
            let carts = carts_a.clone();
            writing.spawn(async move { write(&carts, key, &format!("{round} {key}")).await });
        }
        soon("all are written", writing.join_all()).await;
        for key in 0..100 {
            let expected = format!("{round} {key}");
            let found = carts_a.get_cached(&key).into_value();
            assert_eq!(found.as_deref(), Some(&expected), "{key}");
            eventually("the other instance has it", async || {
                get(&carts_b, &table, key).await.as_deref() == Some(&*expected)
            })
            .await;
        }
    }
    assert_eq!(table.loads(), 0);
}

/// Of two writes of one key at the same time, neither is in memory. The queue has the last one.
#[tokio::test]
async fn writes_of_one_key_at_once_are_read_from_the_queue() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let a = over(&store).await;
    let carts = carts(&a, &table);
    let _gate = table.hold();
    for round in 0..20 {
        let values = [format!("one {round}"), format!("two {round}")];
        let mut writing = tokio::task::JoinSet::new();
        for value in values.clone() {
            let carts = carts.clone();
            writing.spawn(async move { write(&carts, 7, &value).await });
        }
        soon("both are written", writing.join_all()).await;
        assert!(carts.get_cached(&7).into_value().is_none(), "neither is known to be the last");
        let first = get(&carts, &table, 7).await;
        assert!(values.iter().any(|value| first.as_deref() == Some(value)), "{first:?}");
        let _ = carts.invalidate(&7).await;
        assert_eq!(get(&carts, &table, 7).await, first, "the queue has the last one");
    }
}

/// A value that is not in memory and not shared is read from the queue, also among others.
#[tokio::test]
async fn pending_values_and_deletions_are_read_together_with_loaded_ones() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let (a, b) = (over(&store).await, over(&store).await);
    let carts_a = carts(&a, &table);
    write(&carts_a, 1, "old").await;
    write(&carts_a, 2, "loaded").await;
    flushed(&carts_a).await;
    let _gate = table.hold();
    carts_a.delete(&1).await.unwrap();
    write(&carts_a, 3, "pending").await;
    let carts_b = carts(&b, &table);
    let all = async || get_many(&carts_b, &table, &[1, 2, 3, 4]).await;
    eventually("the events have arrived", async || carts_b.get(&1).await.into_value().is_none()).await;
    let _ = b.invalidate(larder::Tag::new("unused")).await;
    assert_eq!(all().await, [None, Some("loaded".into()), Some("pending".into()), None]);
    assert_eq!(table.row(1).as_deref(), Some("old"), "the deletion is pending");
    assert_eq!(get(&carts_b, &table, 1).await, None);
}

/// Only the last value of a key is flushed, and no read goes back behind an acknowledged write.
#[tokio::test]
async fn reads_never_go_back_behind_an_acknowledged_write() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let carts = carts(&cache, &table);
    for number in 0..200 {
        table.set_down(number % 3 > 0);
        let value = number.to_string();
        write(&carts, 1, &value).await;
        assert_eq!(get(&carts, &table, 1).await, Some(value.clone()));
        // Without the cache's own copy, the value comes from the queue or the table.
        let _ = carts.invalidate(&1).await;
        assert_eq!(get(&carts, &table, 1).await, Some(value));
    }
    table.set_down(false);
    flushed(&carts).await;
    assert_eq!(table.row(1).as_deref(), Some("199"));
}

/// Without an answer of the queue, a read could return an old value.
#[tokio::test]
async fn a_read_that_cannot_see_pending_values_is_an_error_unless_it_may_lag() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let (queue, cache) = (MemoryStore::default(), MemoryStore::default());
    let strict = ready(Cache::builder().write_queue(queue.clone()).shared_store(cache.clone())).await;
    let lagging = ready(Cache::builder().write_queue(queue.clone()).shared_store(store)).await;
    let (strict, lagging) = (carts(&strict, &table), behind(&lagging, &table).may_lag().build().unwrap());
    write(&strict, 1, "cheese").await;
    flushed(&strict).await;
    queue.fail(StoreErrorKind::Timeout);
    let _ = strict.invalidate(&1).await;
    let error = try_get(&strict, &table, 1).await.unwrap_err();
    assert!(matches!(error.get_ref(), ReadError::PendingUnavailable), "{error:?}");
    let error = strict.write(&1, "bread".to_owned()).await.unwrap_err();
    assert!(matches!(error.kind(), WriteErrorKind::NotQueued | WriteErrorKind::Unknown));
    assert_eq!(get(&lagging, &table, 1).await.as_deref(), Some("cheese"));
    queue.heal();
    assert_eq!(get(&strict, &table, 1).await.as_deref(), Some("cheese"));
}

/// The event is appended again after the flush, for a writer that ended before its own.
#[tokio::test]
async fn a_write_without_an_event_ends_the_old_value_when_it_is_flushed() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let carts = carts(&cache, &table);
    write(&carts, 1, "old").await;
    flushed(&carts).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("old"));
    push_without_event(&store, 1, payload("1", "\"new\"")).await;
    flushed(&carts).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("new"));
}

/// A flush comes again until its event is appended. The database ignores it, and that is no
/// failure.
#[tokio::test]
async fn a_repeated_flush_is_ignored_and_counted() {
    let (store, queue, table) = (MemoryStore::default(), MemoryStore::default(), Table::default());
    let cache = ready(Cache::builder().write_queue(queue).shared_store(store.clone())).await;
    let carts = carts(&cache, &table);
    let gate = table.hold();
    write(&carts, 1, "cheese").await;
    soon("a flush begins", gate.arrived(1)).await;
    table.release();
    store.fail(StoreErrorKind::Timeout);
    gate.open();
    eventually("it is repeated", async || table.flushes() >= 3).await;
    store.heal();
    flushed(&carts).await;
    eventually("it is counted", async || carts.write_stats().flushed == 1).await;
    let stats = carts.write_stats();
    assert_eq!((stats.queued, stats.failed, table.applied()), (1, 0, 1));
    assert_eq!(stats.ignored, table.flushes() as u64 - 1);
}

#[tokio::test]
async fn a_full_queue_refuses_and_keeps_the_value_before() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let carts = behind(&cache, &table).partitions(1).max_queued(2).build().unwrap();
    let _gate = table.hold();
    write(&carts, 1, "a").await;
    write(&carts, 2, "b").await;
    let error = carts.write(&3, "c".to_owned()).await.unwrap_err();
    assert_eq!((error.kind(), error.id()), (WriteErrorKind::Full, None));
    assert_eq!(get(&carts, &table, 3).await, None);
    write(&carts, 1, "replaced").await;
    assert_eq!(carts.write_stats().refused, 1);
}

/// A write that is sent again has no second effect, and its value does not come back.
#[tokio::test]
async fn a_repeated_write_does_not_replace_a_later_one() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let carts = carts(&cache, &table);
    let id = WriteId::from_bytes([7; 16]);
    carts.write_with_id(id, &1, "first".to_owned()).await.unwrap();
    write(&carts, 1, "second").await;
    carts.write_with_id(id, &1, "first".to_owned()).await.unwrap();
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("second"));
    flushed(&carts).await;
    assert_eq!(table.row(1).as_deref(), Some("second"));
}

#[tokio::test]
async fn what_cannot_be_queued_is_an_error_of_the_write() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let durable = behind(&cache, &table).durability(Durability::Fsync).build().unwrap();
    let error = durable.write(&1, "cheese".to_owned()).await.unwrap_err();
    assert_eq!(error.kind(), WriteErrorKind::NotDurable);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("appendonly yes"));
    let small = cache.values::<u64, String>("small").max_value_bytes(10);
    let small = small.write_behind(table.clone()).durability(Durability::Memory).build().unwrap();
    assert_eq!(small.write(&1, "x".repeat(20)).await.unwrap_err().kind(), WriteErrorKind::Invalid);
    assert!(small.write(&1, "x".to_owned()).await.is_ok());
}

#[tokio::test]
async fn a_collection_without_a_queue_or_of_two_kinds_is_an_error() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let kind = |cache: &Cache| behind(cache, &table).build().unwrap_err();
    let error = kind(&Cache::default());
    assert_eq!(error.kind(), ConfigErrorKind::WriteQueue);
    assert!(error.to_string().contains("write_queue"), "{error}");
    let error = kind(&Cache::builder().write_queue(store.clone()).build());
    assert!(error.to_string().contains("shared_store"), "{error}");
    let cache = over(&store).await;
    let _carts = carts(&cache, &table);
    let other: Result<Values<u64, String>, _> = cache.values("cart").build();
    assert_eq!(other.unwrap_err().kind(), ConfigErrorKind::Collection);
    let zero = behind(&cache, &table).partitions(0).build().unwrap_err();
    assert_eq!(zero.kind(), ConfigErrorKind::Limit);
}
