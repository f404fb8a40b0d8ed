//! Checks that every statistic changes by the right amount.

use std::time::Duration;

use http::StatusCode;
use larder::{Cache, Invalidated, Invalidation, Policy, Prefix, Stats, Tag};
use larder_core::log::position::LogId;
use larder_core::store::StoreErrorKind;
use larder_testing::{Answer, Gate};
use tower::ServiceExt as _;

use crate::shop::{COST, Shop, eventually, get, method};
use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_cache_that_did_nothing_has_nothing_to_tell() {
    assert_eq!(Cache::default().stats(), Stats::default());
    assert_eq!(Stats::default().hit_ratio(), 0.0);
}

#[tokio::test]
async fn a_fill_and_its_hits() {
    let shop = Shop::minute();
    shop.get("/").await;
    shop.get("/").await;
    shop.send(method(http::Method::HEAD, "/")).await;
    let stats = shop.cache.stats();
    assert_eq!((stats.fills, stats.fill_time, stats.stored), (1, COST, 1));
    assert_eq!((stats.hits_memory, stats.hits_shared, stats.saved), (2, 0, 2 * COST));
    assert_eq!((stats.hits(), stats.collapsed, stats.store_errors), (2, 0, 0));
    assert!((stats.hit_ratio() - 2.0 / 3.0).abs() < f64::EPSILON);
    assert_eq!(stats.held, 1);
    let body = 5;
    assert!(stats.held_bytes > body && stats.held_bytes < 4_096, "{}", stats.held_bytes);
}

#[tokio::test]
async fn what_another_instance_stored() {
    let store = MemoryStore::default();
    let shop = || {
        let options = Cache::builder().shared(store.clone());
        Shop::of(options, Policy::ttl(MINUTE).jitter(0.0), |_| Answer::ok("hello"))
    };
    let (one, other) = (shop(), shop());
    store.looked().await;
    one.get("/").await;
    eventually("it is shared", || store.holds() == 1).await;
    let hit = other.get("/").await;
    assert_eq!(hit.headers()["cache-status"].to_str().unwrap(), "Larder; hit; ttl=60; detail=shared");
    other.get("/").await;
    let stats = other.cache.stats();
    assert_eq!((stats.hits_shared, stats.hits_memory, stats.fills), (1, 1, 0));
    assert_eq!((stats.saved, stats.held), (2 * COST, 1));
    assert_eq!(other.origin.calls(), 0);
}

/// A background refresh is a fill, but not a client's request.
#[tokio::test]
async fn what_is_stale_while_it_is_refreshed() {
    let policy = Policy::ttl(MINUTE).jitter(0.0).stale_while_revalidate(MINUTE);
    let shop = Shop::new(policy, |_| Answer::ok("hello"));
    shop.get("/").await;
    shop.clock.advance(MINUTE);
    let stale = shop.get("/").await;
    assert_eq!(stale.headers()["x-cache"], "STALE");
    eventually("it is refreshed", || shop.cache.stats().stored == 2).await;
    let stats = shop.cache.stats();
    assert_eq!(stats.stale.into_iter().collect::<Vec<_>>(), [("stale-while-revalidate", 1)]);
    assert_eq!(stats.misses.into_iter().collect::<Vec<_>>(), [("never-stored", 1)]);
    assert_eq!((stats.fills, stats.saved), (2, COST));
}

/// The handler ran, so no time was saved.
#[tokio::test]
async fn what_is_stale_because_the_handler_fails() {
    let policy = Policy::ttl(MINUTE).jitter(0.0).stale_if_error(MINUTE);
    let shop = Shop::new(policy, |call| match call {
        1 => Answer::ok("hello"),
        _ => Answer::status(StatusCode::BAD_GATEWAY),
    });
    shop.get("/").await;
    shop.clock.advance(MINUTE);
    let stale = shop.get("/").await;
    assert_eq!(stale.headers()["x-cache"], "STALE");
    let stats = shop.cache.stats();
    assert_eq!(stats.stale.clone().into_iter().collect::<Vec<_>>(), [("stale-if-error", 1)]);
    assert_eq!((stats.hits(), stats.fills, stats.saved), (1, 2, Duration::ZERO));
}

#[tokio::test]
async fn requests_that_wait_for_one_fill() {
    let gate = Gate::new();
    let held = gate.clone();
    let shop = Shop::new(Policy::ttl(MINUTE).jitter(0.0), move |_| Answer::ok("hello").held_at(&held));
    let requests: Vec<_> = (0..5).map(|_| tokio::spawn(shop.service.clone().oneshot(get("/")))).collect();
    gate.arrived(1).await;
    // Each task has been polled once, and waits.
    tokio::task::yield_now().await;
    gate.open();
    for request in requests {
        request.await.unwrap().unwrap();
    }
    let stats = shop.cache.stats();
    assert_eq!((stats.collapsed, stats.fills, stats.stored), (4, 1, 1));
    assert_eq!(stats.misses.into_iter().collect::<Vec<_>>(), [("never-stored", 5)]);
}

#[tokio::test]
async fn invalidations_count_selectors() {
    let cache = Cache::default();
    let _ = cache.invalidate(Tag::new("a")).await;
    let _ = cache.invalidate(Invalidation::tag("a").and_tag("b").soft()).await;
    assert_eq!(cache.stats().invalidations, 3);
}

/// Returns a shop, and the store with its three responses.
async fn stocked() -> (Shop, MemoryStore) {
    let store = MemoryStore::default();
    let options = Cache::builder().shared(store.clone());
    let shop = Shop::of(options, Policy::ttl(MINUTE).tag("all"), |_| Answer::ok("hello"));
    store.looked().await;
    for path in ["/a/1", "/a/2", "/b"] {
        shop.get(path).await;
    }
    eventually("they are stored", || store.holds() == 3).await;
    (shop, store)
}

#[tokio::test]
async fn what_was_freed_of_what_was_invalidated() {
    let (shop, store) = stocked().await;
    let a = || Prefix::new("/a").unwrap();
    assert_eq!(shop.cache.invalidate(Invalidation::of(a()).soft()).await, Invalidated::Applied);
    assert_eq!(shop.cache.invalidate(Tag::new("all")).await, Invalidated::Applied);
    assert_eq!(shop.cache.invalidate(a()).await, Invalidated::Applied);
    eventually("two are freed", || shop.cache.stats().reclaimed == 2).await;
    assert_eq!(shop.cache.stats().reclaim_scans, 1);
    assert_eq!(store.holds(), 1);
    let asked = store.reclaims();
    assert_eq!(asked.len(), 1, "{asked:?}");
    // The event is the third one in the log.
    assert_eq!((asked[0].selector.clone(), asked[0].before), (a().into(), LogId::new(3, 0)));
}

/// The clock is not the machine's: it advances when all tasks are idle.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_freed_is_freed_later_and_what_was_deferred_too() {
    let (shop, store) = stocked().await;
    store.fail(StoreErrorKind::Timeout);
    assert_eq!(shop.cache.invalidate(Prefix::new("/a").unwrap()).await, Invalidated::Deferred);
    store.heal();
    eventually("it is appended and freed", || shop.cache.stats().reclaimed == 2).await;
    store.fail_reclaims(3);
    assert_eq!(shop.cache.invalidate(Prefix::new("/b").unwrap()).await, Invalidated::Applied);
    eventually("the third is freed", || shop.cache.stats().reclaimed == 3).await;
    store.fail_reclaims(10);
    let before = store.reclaims().len();
    assert_eq!(shop.cache.invalidate(Invalidation::all()).await, Invalidated::Applied);
    eventually("it was tried ten times", || store.failures_left() == 0).await;
    assert_eq!(shop.cache.invalidate(Invalidation::key("a")).await, Invalidated::Applied);
    eventually("another is freed", || store.reclaims().len() > before).await;
    assert_eq!(store.reclaims().len(), before + 1, "the one that failed was given up");
}

#[tokio::test]
async fn every_exchange_that_fails() {
    let store = MemoryStore::default();
    let options = Cache::builder().shared(store.clone());
    let shop = Shop::of(options, Policy::ttl(MINUTE).jitter(0.0), |_| Answer::ok("hello"));
    store.looked().await;
    assert_eq!(shop.cache.stats().store_errors, 0);
    store.fail(StoreErrorKind::Refused);
    eventually("looks fail", || shop.cache.stats().store_errors > 0).await;
    let before = shop.cache.stats().store_errors;
    // A read and a write.
    shop.get("/").await;
    eventually("reads and writes fail", || shop.cache.stats().store_errors >= before + 2).await;
    assert!(shop.cache.invalidate(Tag::new("a")).await.applied().is_err());
}

#[tokio::test]
async fn what_is_held_goes_when_it_is_invalidated() {
    let shop = Shop::minute();
    shop.get("/").await;
    let _ = shop.cache.invalidate(Invalidation::all()).await;
    shop.send(method(http::Method::HEAD, "/")).await;
    let stats = shop.cache.stats();
    assert_eq!((stats.held, stats.held_bytes), (0, 0));
}
