//! The counters and the metrics of collections whose writes are queued.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::shop::eventually;
use larder::Cache;
use larder::values::{FlushError, Flushed, Sink, WriteErrorKind};
use larder_testing::ManualClock;

/// A database that can be away. It ignores every other write.
#[derive(Clone, Default)]
struct Database {
    is_away: Arc<AtomicBool>,
}

impl<W: Send + Sync + 'static> Sink<W> for Database {
    async fn flush(&self, batch: &[W]) -> Result<Flushed, FlushError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(FlushError::unavailable("away"));
        }
        Ok(Flushed::rows(batch.len() as u64 / 2))
    }
}

#[tokio::test]
async fn stats_count_the_writes_of_each_collection() {
    let (cache, database) = (Cache::default(), Database::default());
    database.is_away.store(true, Ordering::Relaxed);
    let carts = cache.values::<u64, String>("cart").max_value_bytes(10).write_behind(database.clone());
    let carts = carts.in_process().partitions(1).retry_delay(Duration::from_millis(1)).build().unwrap();
    let views = cache.operations::<u64, u64>("views").sink(database.clone());
    let views = views.in_process().partitions(1).build().unwrap();
    carts.write(&1, "cheese".to_owned()).await.unwrap();
    carts.write(&2, "bread".to_owned()).await.unwrap();
    let refused = carts.write(&3, "too much cheese".to_owned()).await.unwrap_err();
    assert_eq!(refused.kind(), WriteErrorKind::Invalid);
    eventually("a flush fails", || carts.write_stats().failed > 0).await;
    let stats = cache.stats();
    assert_eq!(stats.write_behind["cart"], carts.write_stats());
    assert_eq!((stats.write_behind["cart"].queued, stats.write_behind["cart"].refused), (2, 1));
    assert_eq!((stats.write_behind["cart"].flushed, stats.write_behind["views"].queued), (0, 0));
    database.is_away.store(false, Ordering::Relaxed);
    views.push(&1, &1).await.unwrap();
    eventually("all is flushed", || cache.stats().write_behind.values().all(|one| one.flushed == one.queued))
        .await;
    assert_eq!(carts.write_stats().ignored, 1);
    assert!(!cache.stats().values.contains_key("views"), "operations are no values");
}

/// A partition is measured when its reader begins, and then every five seconds.
#[tokio::test(start_paused = true)]
async fn the_size_of_the_queue_is_that_of_the_partitions_of_this_instance() {
    let clock = ManualClock::new();
    let (cache, database) = (Cache::builder().clock(clock.clone()).build(), Database::default());
    database.is_away.store(true, Ordering::Relaxed);
    let carts = cache.values::<u64, String>("cart").write_behind(database.clone());
    let carts = carts.in_process().partitions(2).build().unwrap();
    for key in 0..10 {
        carts.write(&key, "cheese".to_owned()).await.unwrap();
    }
    clock.advance(Duration::from_secs(60));
    tokio::time::sleep(Duration::from_secs(11)).await;
    let stats = carts.write_stats();
    assert_eq!((stats.partitions, stats.pending, stats.dead), (2, 10, 0));
    assert!(stats.pending_bytes > 60 && stats.oldest_age >= Duration::from_secs(60), "{stats:?}");
    database.is_away.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((carts.write_stats().pending, carts.write_stats().oldest_age), (0, Duration::ZERO));
    let _ = cache.close().await;
    assert_eq!(carts.write_stats().partitions, 0);
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_have_the_collection_the_outcome_and_the_reason() {
    use metrics_util::debugging::DebugValue;

    use crate::metrics::{after, counters};

    let metrics = after(async || {
        let (cache, database) = (Cache::default(), Database::default());
        let views = cache.operations::<u64, String>("views").max_operation_bytes(10).sink(database);
        let views = views.in_process().partitions(1).build().unwrap();
        for _ in 0..2 {
            views.push(&1, &"one".to_owned()).await.unwrap();
        }
        assert!(views.push(&1, &"too many to count".to_owned()).await.is_err());
        eventually("all is flushed", || views.write_stats().flushed == 2).await;
        let _ = cache.close().await;
    });
    assert_eq!(
        counters(&metrics, "larder_queued_writes_total"),
        [
            ("larder_queued_writes_total{collection=views outcome=queued reason=none}".to_owned(), 2),
            ("larder_queued_writes_total{collection=views outcome=refused reason=invalid}".to_owned(), 1),
        ]
    );
    assert_eq!(metrics["larder_flushed_writes_total{collection=views}"], DebugValue::Counter(2));
    let ignored = &metrics["larder_ignored_writes_total{collection=views}"];
    assert!(matches!(ignored, DebugValue::Counter(1 | 2)), "{ignored:?}");
    let partitions = &metrics["larder_queue_partitions{collection=views}"];
    assert_eq!(*partitions, DebugValue::Gauge(0.0.into()), "the reader has ended");
}

/// Queues writes that are refused, flushed, ignored, and rejected by the database.
#[cfg(feature = "metrics")]
pub(crate) async fn queue_writes() {
    let cache = Cache::default();
    let carts = cache.values::<u64, String>("cart").max_value_bytes(10).write_behind(Picky);
    let carts = carts.in_process().partitions(1).max_attempts(1).retry_delay(Duration::from_millis(1));
    let carts = carts.build().unwrap();
    assert!(carts.write(&1, "too much cheese".to_owned()).await.is_err());
    carts.write(&2, "bread".to_owned()).await.unwrap();
    eventually("it is in the quarantine", || carts.write_stats().quarantined == 1).await;
    let views = cache.operations::<u64, u64>("views").sink(Database::default());
    let views = views.in_process().partitions(1).build().unwrap();
    views.push(&1, &1).await.unwrap();
    eventually("it is ignored", || views.write_stats().ignored == 1).await;
    let _ = cache.close().await;
}

/// A database that accepts no write.
#[cfg(feature = "metrics")]
struct Picky;

#[cfg(feature = "metrics")]
impl<W: Send + Sync + 'static> Sink<W> for Picky {
    async fn flush(&self, _: &[W]) -> Result<Flushed, FlushError> {
        Err(FlushError::new("never"))
    }
}
