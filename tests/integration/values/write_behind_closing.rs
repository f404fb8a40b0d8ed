//! The end of the worker of write-behind: with its cache, or with its last handle.

use std::time::Duration;

use larder::Cache;
use larder::values::WriteErrorKind;
use larder::write_queue::{PartitionId, WriteQueue as _};
use larder_testing::MemoryStore;
use larder_tests::redis::eventually;

use crate::queued_writes::over;
use crate::support::{ready, soon};
use crate::table_sink::{Carts, Table, carts, flushed, write};

/// A reader that closes gives its partitions away at once, after the flush that runs.
#[tokio::test]
async fn closing_lets_a_flush_end_and_gives_the_partitions_away() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let (a, b) = (over(&store).await, over(&store).await);
    let carts_a = carts(&a, &table);
    let gate = table.hold();
    write(&carts_a, 1, "first").await;
    soon("a flush begins", gate.arrived(1)).await;
    let closing = tokio::spawn(async move { a.close().await });
    table.release();
    gate.open();
    let report = soon("it is closed", closing).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(table.row(1).as_deref(), Some("first"));
    let error = carts_a.write(&2, "late".to_owned()).await.unwrap_err();
    assert_eq!(error.kind(), WriteErrorKind::NotQueued);
    let stats = carts_a.queue_stats().await.unwrap();
    assert!(stats.iter().all(|partition| partition.reader.is_none()));
    let carts_b = carts(&b, &table);
    write(&carts_b, 3, "second").await;
    flushed(&carts_b).await;
    assert_eq!(table.row(3).as_deref(), Some("second"));
}

/// A sink that hangs does not keep a cache from closing. The write stays in the queue.
#[tokio::test]
async fn closing_does_not_wait_for_a_sink_that_hangs() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = Cache::builder().write_queue(store.clone()).shared_store(store.clone());
    let a = ready(cache.close_timeout(Duration::from_millis(50))).await;
    let carts_a = carts(&a, &table);
    let gate = table.hold();
    write(&carts_a, 1, "kept").await;
    soon("a flush begins", gate.arrived(1)).await;
    let report = soon("it is closed", a.close()).await;
    assert_eq!(report.tasks, 1);
    table.release();
    let b = over(&store).await;
    let carts_b = carts(&b, &table);
    flushed(&carts_b).await;
    assert_eq!(table.row(1).as_deref(), Some("kept"));
}

/// Without handles, nothing reads the queue. So a collection does not keep its cache alive.
#[tokio::test]
async fn the_worker_ends_with_the_last_handle() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let carts_a = carts(&cache, &table);
    let second = carts_a.clone();
    let reads = async |carts: &Carts| {
        carts.queue_stats().await.unwrap().iter().all(|partition| partition.reader.is_some())
    };
    eventually("both partitions are read", async || reads(&carts_a).await).await;
    drop(carts_a);
    write(&second, 1, "cheese").await;
    flushed(&second).await;
    drop(second);
    eventually("nothing reads", async || {
        let free = |number| store.queue_stats(PartitionId { collection: "cart", number, count: 2 });
        free(0).await.unwrap().reader.is_none() && free(1).await.unwrap().reader.is_none()
    })
    .await;
}
