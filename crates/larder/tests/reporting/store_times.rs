//! How long the work with the shared store takes, as the statistics have it.

use std::time::Duration;

use larder::store::StoreErrorKind;
use larder::time::WallTime;
use larder::{Cache, InvalidationOutcome, Policy, Tag};
use larder_testing::{Answer, Gate, ManualClock};
use tower::ServiceExt as _;

use crate::shop::{Shop, eventually, get};
use crate::store::{LIMIT, MemoryStore};

const MINUTE: Duration = Duration::from_secs(60);
const FAR: Duration = Duration::from_millis(20);

/// Returns a shop whose clock is the paused one of the runtime.
fn shop(store: &MemoryStore, script: impl Fn() -> Answer + Send + Sync + 'static) -> Shop {
    let (options, clock) = (Cache::builder().shared_store(store.clone()), ManualClock::new());
    let policy = Policy::ttl(MINUTE).tag("t").jitter(0.0);
    Shop::clocked(options, clock, TokioClock::default(), policy, move |_| script())
}

/// The clock of the runtime, which a test can pause.
#[derive(Debug)]
struct TokioClock(tokio::time::Instant);

impl Default for TokioClock {
    fn default() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl larder::time::Clock for TokioClock {
    fn wall(&self) -> WallTime {
        WallTime::from_unix_millis(u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }

    fn boot(&self) -> larder::time::BootTime {
        larder::time::BootTime::ZERO.saturating_add(Duration::from_secs(1) + self.0.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn each_operation_of_the_store_has_its_times() {
    let store = MemoryStore::default();
    let shop = shop(&store, || Answer::ok("hello"));
    store.looked().await;
    store.move_away(FAR);
    shop.get("/").await;
    eventually("it is shared", || store.holds() == 1).await;
    assert_eq!(shop.cache.invalidate(Tag::new("t")).await, InvalidationOutcome::Applied);
    eventually("the write is recorded", || shop.cache.stats().store_times.contains_key("write")).await;
    let times = shop.cache.stats().store_times;
    assert_eq!(times.keys().collect::<Vec<_>>(), [&"append", &"lease", &"poll", &"read", &"write"]);
    for operation in ["append", "lease", "read", "write"] {
        assert_eq!((times[operation].count(), times[operation].sum()), (1, FAR), "{operation}");
    }
}

/// An operation that fails at once says nothing about the speed of the store.
#[tokio::test(start_paused = true)]
async fn an_operation_that_times_out_has_a_time_and_one_that_is_refused_has_none() {
    let store = MemoryStore::default();
    let shop = shop(&store, || Answer::ok("hello"));
    store.looked().await;
    store.move_away(LIMIT * 2);
    shop.get("/").await;
    let read = shop.cache.stats().store_times["read"].clone();
    assert_eq!((read.count(), read.sum()), (1, LIMIT));
    store.move_away(Duration::ZERO);
    store.fail(StoreErrorKind::Refused);
    let errors = shop.cache.stats().store_errors;
    shop.get("/other").await;
    assert!(shop.cache.stats().store_errors > errors);
    assert_eq!(shop.cache.stats().store_times["read"], read);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_has_the_time_until_it_is_applied_or_deferred() {
    let store = MemoryStore::default();
    let shop = shop(&store, || Answer::ok("hello"));
    store.looked().await;
    store.move_away(FAR);
    assert_eq!(shop.cache.invalidate(Tag::new("t")).await, InvalidationOutcome::Applied);
    let appends = shop.cache.stats().append_times;
    assert_eq!((appends.count(), appends.sum()), (1, FAR));
    store.move_away(Duration::from_secs(1));
    assert_eq!(shop.cache.invalidate(Tag::new("t")).await, InvalidationOutcome::Deferred);
    let appends = shop.cache.stats().append_times;
    // The invalidation waits for 100 ms.
    assert_eq!((appends.count(), appends.sum()), (2, FAR + Duration::from_millis(100)));
    let alone = Cache::default();
    let _ = alone.invalidate(Tag::new("t")).await;
    assert_eq!(alone.stats().append_times.count(), 0, "there is no log to append to");
}

/// The ids of the store's log are 1 ms, 2 ms, and so on.
#[tokio::test]
async fn the_lag_is_the_age_of_an_entry_by_the_clock_of_the_store() {
    let store = MemoryStore::default();
    let shops = [(); 2].map(|()| {
        Shop::of(Cache::builder().shared_store(store.clone()), Policy::ttl(MINUTE), |_| Answer::ok("hello"))
    });
    store.looked().await;
    for shop in &shops {
        shop.cache.ready(MINUTE).await.unwrap();
    }
    store.set_clock(WallTime::from_unix_millis(5_001));
    assert_eq!(shops[0].cache.invalidate(Tag::new("t")).await, InvalidationOutcome::Applied);
    for shop in &shops {
        eventually("the entry is read", || shop.cache.stats().invalidation_lag.count() == 1).await;
        assert_eq!(shop.cache.stats().invalidation_lag.sum(), Duration::from_secs(5));
    }
    // An instance that starts reads entries that are old, and does not lag behind.
    let late = Cache::builder().shared_store(store.clone()).clock(ManualClock::new()).build();
    late.ready(MINUTE).await.unwrap();
    assert_eq!(late.stats().invalidation_lag.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_lease_of_another_instance_has_a_time() {
    let store = MemoryStore::default();
    let gate = Gate::new();
    let [one, other] = [(); 2].map(|()| {
        let gate = gate.clone();
        shop(&store, move || Answer::ok("hello").held_at(&gate))
    });
    store.looked().await;
    for shop in [&one, &other] {
        shop.cache.ready(MINUTE).await.unwrap();
    }
    let first = tokio::spawn(one.service.clone().oneshot(get("/")));
    gate.arrived(1).await;
    let second = tokio::spawn(other.service.clone().oneshot(get("/")));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(other.cache.stats().lease_waits.count(), 0, "it still waits");
    gate.open();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let waits = other.cache.stats().lease_waits;
    assert_eq!((waits.count(), one.cache.stats().lease_waits.count()), (1, 0));
    let second = Duration::from_secs(1);
    assert!(waits.sum() >= second && waits.sum() < second * 2, "{waits:?}");
    assert_eq!(other.origin.calls(), 0);
}
