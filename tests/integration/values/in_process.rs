//! Write-behind without Redis: the queue is in the process.

use std::time::Duration;

use larder::values::WriteErrorKind;
use larder::write_queue::Durability;
use larder::{Cache, ConfigErrorKind};
use larder_testing::{ManualClock, MemoryStore};
use larder_tests::redis::eventually;

use crate::in_process_closing::{closed, spawn_close};
use crate::support::{cache, soon};
use crate::table_sink::{Carts, Table, flushed, get, get_many, in_process, write};

fn carts(cache: &Cache, table: &Table) -> Carts {
    in_process(cache, table).build().unwrap()
}

/// Without a shared store and a write queue.
#[tokio::test]
async fn writes_reach_the_sink_in_order_and_the_last_value_of_a_key_wins() {
    let (cache, table) = (Cache::default(), Table::default());
    let carts = in_process(&cache, &table).partitions(1).build().unwrap();
    let gate = table.hold();
    write(&carts, 9, "first").await;
    soon("a flush begins", gate.arrived(1)).await;
    for key in [3, 1, 2] {
        write(&carts, key, "old").await;
    }
    write(&carts, 3, "new").await;
    carts.delete(&1).await.unwrap();
    table.release();
    gate.open();
    flushed(&carts).await;
    assert_eq!(table.applied_keys(), [9, 2, 3, 1]);
    assert_eq!((table.row(3).as_deref(), table.row(1)), (Some("new"), None));
    assert_eq!(carts.write_stats().queued, 6);
    assert_eq!(carts.write_stats().flushed, 4);
}

/// The sink compares sequence numbers with those of earlier processes.
#[tokio::test]
async fn a_later_process_writes_higher_sequence_numbers() {
    let (clock, by_hand, by_system) = (ManualClock::new(), Table::default(), Table::default());
    for value in ["one", "two", "three"] {
        clock.advance(Duration::from_millis(1));
        for (cache, table) in [(cache(&clock), &by_hand), (Cache::default(), &by_system)] {
            write(&carts(&cache, table), 1, value).await;
            assert!(closed(spawn_close(&cache)).await.is_clean());
            assert_eq!((table.row(1).as_deref(), table.ignored()), (Some(value), 0));
        }
    }
}

#[tokio::test]
async fn a_pending_value_is_the_value() {
    let (cache, table) = (Cache::default(), Table::default());
    let carts = carts(&cache, &table);
    let gate = table.hold();
    write(&carts, 1, "cheese").await;
    write(&carts, 2, "bread").await;
    carts.delete(&2).await.unwrap();
    soon("a flush begins", gate.arrived(1)).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    let _ = cache.invalidate(larder::Invalidation::all()).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    let all = get_many(&carts, &table, &[1, 2]).await;
    assert_eq!((all, table.loads()), (vec![Some("cheese".to_owned()), None], 0));
    table.release();
    gate.open();
    flushed(&carts).await;
    let _ = cache.invalidate(larder::Invalidation::all()).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    assert_eq!(table.loads(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let (cache, table) = (Cache::default(), Table::default());
    let few = in_process(&cache, &table).partitions(1).max_queued(2).build().unwrap();
    let _gate = table.hold();
    write(&few, 1, "a").await;
    write(&few, 2, "b").await;
    let error = few.write(&3, "c".to_owned()).await.unwrap_err();
    assert_eq!(error.kind(), WriteErrorKind::Full);
    write(&few, 1, "replaced").await;
    assert_eq!((get(&few, &table, 3).await, get(&few, &table, 1).await.as_deref()), (None, Some("replaced")));
    let cache = Cache::default();
    let small = in_process(&cache, &table).partitions(1).max_queued_bytes(100).build().unwrap();
    assert_eq!(small.write(&1, "x".repeat(100)).await.unwrap_err().kind(), WriteErrorKind::Full);
}

#[tokio::test]
async fn a_rejected_write_is_retried_and_goes_to_the_quarantine_and_back() {
    let (cache, table) = (Cache::default(), Table::default());
    let carts = in_process(&cache, &table).partitions(1).max_attempts(3).build().unwrap();
    table.reject(7);
    write(&carts, 7, "poison").await;
    write(&carts, 8, "good").await;
    eventually("it is in the quarantine", async || carts.write_stats().quarantined == 1).await;
    flushed(&carts).await;
    assert!(carts.write_stats().failed >= 3);
    assert_eq!(table.row(8).as_deref(), Some("good"));
    let _ = carts.invalidate(&7).await;
    assert_eq!(get(&carts, &table, 7).await.as_deref(), Some("poison"), "it is still the value");
    table.accept(7);
    let letters = carts.dead_letters(10).await.unwrap();
    assert!(carts.retry_dead_letter(&letters[0]).await.unwrap());
    flushed(&carts).await;
    assert_eq!(table.row(7).as_deref(), Some("poison"));
    assert!(closed(spawn_close(&cache)).await.is_clean());
}

#[tokio::test]
async fn options_that_do_not_go_with_the_process_are_errors() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let error = |cache: &Cache| in_process(cache, &table).build().unwrap_err();
    let shared = error(&Cache::builder().shared_store(store.clone()).build());
    assert!(shared.to_string().contains("other instances would not see"), "{shared}");
    let queue = error(&Cache::builder().write_queue(store.clone()).build());
    assert!(queue.to_string().contains("write_queue"), "{queue}");
    let cache = Cache::default();
    let durable = in_process(&cache, &table).durability(Durability::Memory).build().unwrap_err();
    let timeout = in_process(&cache, &table).durability_timeout(Duration::from_secs(1)).build().unwrap_err();
    assert!(durable.to_string().contains("durability") && durable == timeout, "{durable}");
    let _carts = carts(&cache, &table);
    let partitions = in_process(&cache, &table).partitions(3).build().unwrap_err();
    assert!(partitions.to_string().contains("number of partitions"), "{partitions}");
    for error in [shared, queue, durable, partitions] {
        assert_eq!(error.kind(), ConfigErrorKind::WriteQueue);
    }
    let zero = in_process(&cache, &table).max_queued(0).build().unwrap_err();
    assert_eq!(zero.kind(), ConfigErrorKind::Limit);
    let without = cache.values::<u64, String>("other").write_behind(table.clone()).build().unwrap_err();
    assert!(without.to_string().contains("in_process"), "{without}");
}

/// A disabled cache stores nothing. Writes still reach the sink, and a pending value is the value.
#[tokio::test]
async fn a_disabled_cache_still_writes() {
    let (cache, table) = (Cache::disabled(), Table::default());
    let carts = carts(&cache, &table);
    let gate = table.hold();
    write(&carts, 1, "cheese").await;
    soon("a flush begins", gate.arrived(1)).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    assert_eq!(get_many(&carts, &table, &[1]).await, [Some("cheese".to_owned())]);
    assert_eq!(table.loads(), 0);
    table.release();
    gate.open();
    flushed(&carts).await;
    assert_eq!(get(&carts, &table, 1).await.as_deref(), Some("cheese"));
    assert_eq!((table.row(1).as_deref(), table.loads()), (Some("cheese"), 1));
    write(&carts, 2, "bread").await;
    assert!(closed(spawn_close(&cache)).await.is_clean());
    assert_eq!(table.row(2).as_deref(), Some("bread"));
}
