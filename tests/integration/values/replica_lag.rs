//! Loads that read a database replica, which lags until the test lets it catch up.

use std::io;
use std::time::Duration;

use larder::values::Values;
use larder::write_queue::{PartitionId, PushWrite, Pushed, QueueLimits, WriteId, WriteQueue as _};
use larder::{Cache, ConfigErrorKind, Invalidation, Tag};
use larder_testing::{ManualClock, MemoryStore};
use larder_tests::redis::eventually;
use tokio::time::sleep;

use crate::queued_writes::payload;
use crate::support::{Database, Names, TTL, builder, cache, get, ready};
use crate::table_sink::{Carts, Table, get as get_cart, short};

const LAG: Duration = Duration::from_secs(10);
/// The bound on the writes that wait for the replicas cuts a batch of this size.
const MAX_BATCH: u32 = 300;
/// More than the error that the log allows for its moments.
const MARGIN: Duration = Duration::from_secs(1);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A process that has been running for longer than the lag, with the replica that its loads read.
struct App {
    clock: ManualClock,
    cache: Cache,
    names: Names,
    replica: Database,
}

impl App {
    fn new() -> Self {
        let app = Self::started(|names| names);
        app.clock.advance(LAG + MARGIN);
        app
    }

    fn started(
        options: impl FnOnce(
            larder::values::ValuesBuilder<u64, String>,
        ) -> larder::values::ValuesBuilder<u64, String>,
    ) -> Self {
        let clock = ManualClock::new();
        let cache = cache(&clock);
        let names = options(builder(&cache).replica_lag(LAG)).build().unwrap();
        Self { clock, cache, names, replica: Database::with(1, "old") }
    }

    /// Returns the name, and whether it took no load.
    async fn shows(&self) -> (String, bool) {
        let loads = self.replica.loads();
        let name = get(&self.names, &self.replica, 1).await.unwrap();
        (name, self.replica.loads() == loads)
    }

    async fn is(&self, name: &str, is_hit: bool) {
        assert_eq!(self.shows().await, (name.to_owned(), is_hit));
    }
}

#[tokio::test]
async fn once_the_lag_has_passed_no_older_value_is_returned_whatever_was_named() {
    let tag = || Invalidation::tag("name:1");
    let key = App::new().names.selector(&1);
    for what in [tag(), tag().soft(), Invalidation::of(key), Invalidation::all()] {
        let app = App::new();
        app.is("old", false).await;
        // The primary has the new name now.
        let _ = app.cache.invalidate(what.clone()).await;
        app.clock.advance(secs(3));
        app.is("old", false).await;
        app.clock.advance(LAG - secs(4));
        app.is("old", true).await;
        app.replica.set(1, "new");
        app.clock.advance(secs(1));
        app.is("new", false).await;
        // A value from after the lag has its whole lifetime.
        app.clock.advance(MARGIN);
        app.is("new", false).await;
        app.clock.advance(TTL - secs(1));
        app.is("new", true).await;
    }
}

/// The value is gone after the lag, and not merely stale.
#[tokio::test]
async fn there_are_no_stale_windows_during_the_lag() {
    let app = App::started(|names| names.stale_while_revalidate(secs(600)).stale_if_error(secs(600)));
    app.clock.advance(LAG + MARGIN);
    let _ = app.cache.invalidate(Tag::new("name:1")).await;
    app.is("old", false).await;
    app.replica.set(1, "new");
    app.clock.advance(LAG);
    app.is("new", false).await;
}

#[tokio::test]
async fn loads_of_many_values_are_limited_too() {
    let app = App::new();
    let _ = app.names.invalidate(&1).await;
    let load = async |_: Vec<u64>| Ok::<_, io::Error>([(1, "old".to_owned()), (2, "other".to_owned())]);
    app.names.get_many_or_load(&[1, 2], load).await.unwrap();
    app.clock.advance(LAG);
    assert!(!app.names.get_cached(&1).is_cached());
    assert!(app.names.get_cached(&2).is_cached(), "it was not invalidated");
}

/// A write-through stores a value that was not read from a replica.
#[tokio::test]
async fn a_written_value_is_not_limited() {
    let app = App::new();
    let written = app.names.write_through(&1, async || Ok::<_, io::Error>("new".to_owned())).await.unwrap();
    assert!(written.is_cached());
    app.clock.advance(TTL - secs(1));
    app.is("new", true).await;
}

/// Nothing says what a process before this one has invalidated.
#[tokio::test]
async fn a_process_that_has_just_started_knows_nothing() {
    let app = App::started(|names| names);
    app.is("old", false).await;
    app.clock.advance(LAG);
    app.is("old", false).await;
}

#[test]
fn a_lag_out_of_range_is_an_error() {
    for lag in [Duration::ZERO, secs(3_601)] {
        let names: Result<Values<u64, String>, _> = Cache::default().values("name").replica_lag(lag).build();
        let error = names.unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Timeout);
        assert!(error.to_string().contains("is not between 1 ms and 1 hour"), "{error}");
    }
}

async fn lagging(store: &MemoryStore, table: &Table) -> Carts {
    let cache = ready(Cache::builder().write_queue(store.clone()).shared_store(store.clone())).await;
    let values = cache.values("cart").replica_lag(LAG);
    let carts = short(values.write_behind(table.clone())).partitions(1);
    let carts = carts.poll_interval(Duration::from_millis(100)).reader_lease(secs(2));
    carts.max_batch(MAX_BATCH).build().unwrap()
}

async fn write(carts: &Carts, key: u64, value: &str) {
    carts.write(&key, value.to_owned()).await.unwrap();
}

async fn queued(carts: &Carts) -> u64 {
    carts.queue_stats().await.unwrap().iter().map(|partition| partition.entries).sum()
}

/// A flushed write stays the value until the replicas have it, and holds up no other write.
#[tokio::test(start_paused = true)]
async fn a_flushed_write_stays_in_the_queue_for_the_lag() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let carts = lagging(&store, &table).await;
    // A pass from the beginning of the queue comes before the end of the lag.
    sleep(MARGIN).await;
    for key in 0..20 {
        write(&carts, key, "first").await;
        eventually("others are flushed", async || table.row(key).is_some()).await;
    }
    write(&carts, 0, "second").await;
    eventually("it is flushed", async || table.row(0).as_deref() == Some("second")).await;
    let flushes = table.flushes();
    sleep(LAG - MARGIN / 2).await;
    assert_eq!(queued(&carts).await, 20);
    assert_eq!((table.flushes(), table.ignored()), (flushes, 0), "nothing is flushed twice");
    for (key, value) in [(0, "second"), (1, "first")] {
        let _ = carts.invalidate(&key).await;
        assert_eq!(get_cart(&carts, &table, key).await.as_deref(), Some(value));
    }
    assert_eq!(table.loads(), 0, "a replica may not have it");
    sleep(2 * MARGIN).await;
    assert_eq!(queued(&carts).await, 0);
    assert_eq!((table.flushes(), table.ignored()), (flushes, 0));
    assert_eq!(carts.write_stats().flushed, 20, "one was replaced");
    let _ = carts.invalidate(&1).await;
    assert_eq!(get_cart(&carts, &table, 1).await.as_deref(), Some("first"));
    assert_eq!(table.loads(), 1);
}

/// A store that fails does not let flushed writes be flushed again.
#[tokio::test(start_paused = true)]
async fn a_completion_that_fails_is_tried_again_without_another_flush() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let carts = lagging(&store, &table).await;
    write(&carts, 1, "cheese").await;
    eventually("it is flushed", async || table.row(1).is_some()).await;
    // For a moment shorter than the right to read.
    sleep(LAG - Duration::from_millis(50)).await;
    store.fail(larder::store::StoreErrorKind::Timeout);
    sleep(Duration::from_millis(100)).await;
    store.heal();
    eventually("it is removed", async || queued(&carts).await == 0).await;
    assert_eq!((table.flushes(), carts.write_stats().flushed), (1, 1));
}

/// The writes that wait for the replicas are bounded in number.
#[tokio::test(start_paused = true)]
async fn a_partition_flushes_a_bounded_number_of_writes_in_each_lag() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let limits = QueueLimits { entries: 20_000, bytes: 100_000_000 };
    for key in 0..10_050_u64 {
        let text = format!("v|cart|{key}");
        let partition = PartitionId { collection: "cart", number: 0, count: 1 };
        let (payload, id) =
            (payload(&key.to_string(), "\"x\""), WriteId::from_bytes(u128::from(key).to_be_bytes()));
        let push = PushWrite { partition, key: &text, payload, id, limits };
        assert!(matches!(store.push(push).await, Ok(Pushed::Queued(_))));
    }
    let carts = lagging(&store, &table).await;
    eventually("many are flushed", async || {
        assert_eq!(table.ignored(), 0);
        table.applied() == 10_000
    })
    .await;
    sleep(LAG / 2).await;
    assert_eq!((table.applied(), queued(&carts).await), (10_000, 10_050));
    assert!(table.applied_keys().into_iter().eq(0..10_000), "the oldest ones come first");
    eventually("the rest is flushed", async || table.applied() == 10_050).await;
    eventually("all are removed", async || queued(&carts).await == 0).await;
    assert_eq!(table.ignored(), 0);
}
