//! The end of an in-process queue: it is flushed, and what is lost is reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use larder::values::{Codec, CodecError, Json, WriteBehind, WriteErrorKind};
use larder::{Cache, CloseReport};
use larder_tests::redis::eventually;
use tokio::task::JoinHandle;

use crate::support::{settle, soon};
use crate::table_sink::{Carts, Table, get, in_process, queued, write};

/// A delay that no test waits for. The worker takes it as 30 s, which is longer than closing takes.
const NEVER: Duration = Duration::from_secs(1000);

/// Returns a cache whose closing takes as long as a slow machine needs.
fn patient() -> Cache {
    Cache::builder().close_timeout(Duration::from_secs(20)).build()
}

fn carts(cache: &Cache, table: &Table) -> Carts {
    in_process(cache, table).build().unwrap()
}

pub(crate) fn spawn_close(cache: &Cache) -> JoinHandle<CloseReport> {
    let cache = cache.clone();
    tokio::spawn(async move { cache.close().await })
}

pub(crate) async fn closed(closing: JoinHandle<CloseReport>) -> CloseReport {
    soon("it is closed", closing).await.unwrap()
}

/// Writes in the quarantine end with the process too.
#[tokio::test]
async fn writes_in_the_quarantine_are_reported_as_lost() {
    let (cache, table) = (patient(), Table::default());
    let carts = in_process(&cache, &table).max_attempts(1).build().unwrap();
    table.reject(7);
    write(&carts, 7, "poison").await;
    eventually("it is in the quarantine", async || carts.write_stats().quarantined == 1).await;
    let report = closed(spawn_close(&cache)).await;
    assert_eq!((report.writes, report.tasks), (1, 0));
}

/// The database comes back while the cache closes.
#[tokio::test]
async fn closing_flushes_what_is_queued() {
    let (cache, table) = (patient(), Table::default());
    let carts = carts(&cache, &table);
    table.set_down(true);
    for key in 0..20 {
        write(&carts, key, "kept").await;
    }
    let closing = spawn_close(&cache);
    eventually("writes are refused", async || carts.write(&20, "late".to_owned()).await.is_err()).await;
    let failed = carts.write_stats().failed;
    eventually("it is tried again", async || carts.write_stats().failed > failed + 1).await;
    assert!(!closing.is_finished());
    table.set_down(false);
    let report = closed(closing).await;
    assert!(report.is_clean(), "{report}");
    assert!((0..20).all(|key| table.row(key).as_deref() == Some("kept")));
    let error = carts.write(&21, "late".to_owned()).await.unwrap_err();
    assert_eq!((error.kind(), error.id()), (WriteErrorKind::NotQueued, None));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the cache is closed");
}

/// A write that is rejected while the cache closes takes none of its batch with it.
#[tokio::test]
async fn closing_flushes_what_is_queued_with_a_rejected_write() {
    let (cache, table) = (patient(), Table::default());
    let carts = in_process(&cache, &table).partitions(1).max_attempts(2).build().unwrap();
    let gate = table.hold();
    write(&carts, 0, "first").await;
    soon("a flush begins", gate.arrived(1)).await;
    table.reject(3);
    for key in 1..6 {
        write(&carts, key, "kept").await;
    }
    let closing = spawn_close(&cache);
    table.release();
    gate.open();
    let report = closed(closing).await;
    assert_eq!((report.writes, report.tasks, carts.write_stats().quarantined), (1, 0, 1));
    assert!((0..6).all(|key| table.row(key).is_some() != (key == 3)));
}

/// A write that was rejected has its next attempt when the cache closes, not after its delay.
#[tokio::test]
async fn closing_tries_at_once_what_waits_for_a_retry() {
    for is_dropped in [false, true] {
        let (cache, table) = (patient(), Table::default());
        let carts = in_process(&cache, &table).retry_delay(NEVER).build().unwrap();
        table.reject(7);
        write(&carts, 7, "patient").await;
        eventually("it fails", async || carts.write_stats().failed == 1).await;
        let probe = carts.clone();
        if is_dropped {
            // The worker drains already, and waits for the retry as well.
            drop((carts, probe));
            eventually("the last handle tries at once", async || table.flushes() == 2).await;
        }
        table.accept(7);
        let report = closed(spawn_close(&cache)).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(table.row(7).as_deref(), Some("patient"));
    }
}

#[tokio::test]
async fn closing_does_not_wait_for_a_sink_that_hangs_and_reports_what_is_lost() {
    let table = Table::default();
    let cache = Cache::builder().close_timeout(Duration::from_millis(50)).build();
    let carts = in_process(&cache, &table).partitions(1).build().unwrap();
    let gate = table.hold();
    write(&carts, 1, "hangs").await;
    soon("a flush begins", gate.arrived(1)).await;
    write(&carts, 2, "waits").await;
    write(&carts, 3, "waits").await;
    let report = closed(spawn_close(&cache)).await;
    assert_eq!((report.writes, report.tasks, report.is_clean()), (3, 1, false));
    assert!(report.to_string().ends_with("in-process writes: 3"), "{report}");
    gate.open();
    settle().await;
    assert_eq!(table.applied(), 0, "the flush was cancelled");
}

/// A write is either refused, or it is in the database when the cache is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_while_writes_are_running_loses_none_that_was_acknowledged() {
    let (cache, table) = (patient(), Table::default());
    let carts = carts(&cache, &table);
    let started = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (carts, started) = (carts.clone(), Arc::clone(&started));
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let key = writer + 4 * number;
                    match carts.write(&key, "kept".to_owned()).await {
                        Ok(()) => acknowledged.push(key),
                        Err(error) => {
                            assert_eq!(error.kind(), WriteErrorKind::NotQueued);
                            return acknowledged;
                        }
                    }
                    started.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
                acknowledged
            })
        })
        .collect();
    eventually("they write", async || started.load(Ordering::Relaxed) > 100).await;
    let report = closed(spawn_close(&cache)).await;
    assert!(report.is_clean(), "{report}");
    for writer in writers {
        let acknowledged = soon("it ends", writer).await.unwrap();
        assert!(acknowledged.iter().all(|key| table.row(*key).is_some()));
    }
}

/// A collection that is dropped still flushes. Built again, it has the queue that is left.
#[tokio::test]
async fn the_worker_flushes_after_the_last_handle_is_dropped() {
    let (cache, table) = (patient(), Table::default());
    let first = carts(&cache, &table);
    table.set_down(true);
    for key in 0..5 {
        write(&first, key, "kept").await;
    }
    drop(first);
    settle().await;
    let second = carts(&cache, &table);
    assert_eq!(queued(&second).await, 5);
    assert_eq!(get(&second, &table, 1).await.as_deref(), Some("kept"), "it is still pending");
    drop(second);
    table.set_down(false);
    eventually("they are flushed", async || (0..5).all(|key| table.row(key).is_some())).await;
    let report = closed(spawn_close(&cache)).await;
    assert!(report.is_clean(), "{report}");
}

/// However often a collection is built and dropped, one task for each partition flushes.
#[tokio::test]
async fn workers_of_dropped_handles_do_not_pile_up() {
    let table = Table::default();
    let cache = Cache::builder().close_timeout(Duration::from_millis(50)).build();
    let gate = table.hold();
    for key in 0..20 {
        let carts = in_process(&cache, &table).partitions(1).build().unwrap();
        write(&carts, key, "kept").await;
        soon("a flush runs", gate.arrived(1)).await;
        drop(carts);
        settle().await;
    }
    assert_eq!(table.flushes(), 1, "one flush at a time");
    let report = closed(spawn_close(&cache)).await;
    assert_eq!((report.writes, report.tasks), (20, 1));
}

/// A codec that panics on demand, and counts that. It stops at some number.
#[derive(Clone, Default)]
struct Fragile {
    is_broken: Arc<AtomicBool>,
    panics: Arc<AtomicUsize>,
}

const MAX_PANICS: usize = 1000;

impl Codec<String> for Fragile {
    const FORMAT: u8 = 200;

    fn encode(&self, value: &String) -> Result<Vec<u8>, CodecError> {
        Json.encode(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        let is_broken = self.is_broken.load(Ordering::SeqCst);
        let panics = is_broken && self.panics.fetch_add(1, Ordering::SeqCst) < MAX_PANICS;
        assert!(!panics, "on purpose");
        Json.decode(bytes)
    }
}

/// A worker that panics while the cache closes begins again, after a pause.
#[tokio::test]
async fn closing_outlives_a_panic_of_the_codec() {
    let (cache, table, codec) = (patient(), Table::default(), Fragile::default());
    codec.is_broken.store(true, Ordering::SeqCst);
    let carts: WriteBehind<u64, String> = cache
        .values("cart")
        .codec(codec.clone())
        .write_behind(table.clone())
        .in_process()
        .reader_lease(Duration::from_millis(100))
        .build()
        .unwrap();
    write(&carts, 1, "cheese").await;
    let closing = spawn_close(&cache);
    eventually("it panics in closing", async || codec.panics.load(Ordering::SeqCst) >= 2).await;
    codec.is_broken.store(false, Ordering::SeqCst);
    let report = closed(closing).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(table.row(1).as_deref(), Some("cheese"));
    assert!(codec.panics.load(Ordering::SeqCst) < MAX_PANICS, "there are pauses");
}
