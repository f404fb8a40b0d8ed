//! Tests that each number of the statistics changes, and by the right amount.

use std::time::Duration;

use http::StatusCode;
use larder::store::LogId;
use larder::store::StoreErrorKind;
use larder::{Cache, Invalidation, InvalidationOutcome, Policy, Prefix, Stats, Tag};
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
    assert_eq!((stats.hits_memory, stats.hits_shared, stats.handler_time_saved), (2, 0, 2 * COST));
    assert_eq!((stats.hits(), stats.collapsed, stats.store_errors), (2, 0, 0));
    assert!((stats.hit_ratio() - 2.0 / 3.0).abs() < f64::EPSILON);
    assert_eq!(stats.memory_entries, 1);
    let body = 5;
    assert!(stats.memory_bytes > body && stats.memory_bytes < 4_096, "{}", stats.memory_bytes);
}

#[tokio::test]
async fn a_response_that_another_instance_stored() {
    let store = MemoryStore::default();
    let shop = || {
        let options = Cache::builder().shared_store(store.clone());
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
    assert_eq!((stats.handler_time_saved, stats.memory_entries), (2 * COST, 1));
    assert_eq!(other.origin.calls(), 0);
}

/// The background refresh is a fill, but it is not a request of a client.
#[tokio::test]
async fn a_stale_response_while_it_is_refreshed() {
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
    assert_eq!((stats.fills, stats.handler_time_saved), (2, COST));
}

/// The handler ran, so no time was saved.
#[tokio::test]
async fn a_stale_response_because_the_handler_fails() {
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
    assert_eq!((stats.hits(), stats.fills, stats.handler_time_saved), (1, 2, Duration::ZERO));
}

#[tokio::test]
async fn requests_that_wait_for_one_fill() {
    let gate = Gate::new();
    let handler_gate = gate.clone();
    let shop =
        Shop::new(Policy::ttl(MINUTE).jitter(0.0), move |_| Answer::ok("hello").held_at(&handler_gate));
    let requests: Vec<_> = (0..5).map(|_| tokio::spawn(shop.service.clone().oneshot(get("/")))).collect();
    gate.arrived(1).await;
    // Each request has been polled once and waits.
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

/// Returns a shop and its store, which has three responses of the shop.
async fn stocked() -> (Shop, MemoryStore) {
    let store = MemoryStore::default();
    let options = Cache::builder().shared_store(store.clone());
    let shop = Shop::of(options, Policy::ttl(MINUTE).tag("all"), |_| Answer::ok("hello"));
    store.looked().await;
    for path in ["/a/1", "/a/2", "/b"] {
        shop.get(path).await;
    }
    eventually("they are stored", || store.holds() == 3).await;
    (shop, store)
}

#[tokio::test]
async fn responses_freed_after_an_invalidation() {
    let (shop, store) = stocked().await;
    let a = || Prefix::new("/a").unwrap();
    assert_eq!(shop.cache.invalidate(Invalidation::of(a()).soft()).await, InvalidationOutcome::Applied);
    assert_eq!(shop.cache.invalidate(Tag::new("all")).await, InvalidationOutcome::Applied);
    assert_eq!(shop.cache.invalidate(a()).await, InvalidationOutcome::Applied);
    eventually("two are freed", || shop.cache.stats().reclaimed == 2).await;
    assert_eq!(shop.cache.stats().reclaim_scans, 1);
    assert_eq!(store.holds(), 1);
    let reclaims = store.reclaims();
    assert_eq!(reclaims.len(), 1, "{reclaims:?}");
    // The third entry of the log.
    assert_eq!((reclaims[0].selector.clone(), reclaims[0].before), (a().into(), LogId::new(3, 0)));
}

/// The time of the test is paused: it advances only while no task can run.
#[tokio::test(start_paused = true)]
async fn responses_of_a_failed_or_deferred_reclaim_are_freed_later() {
    let (shop, store) = stocked().await;
    store.fail(StoreErrorKind::Timeout);
    assert_eq!(shop.cache.invalidate(Prefix::new("/a").unwrap()).await, InvalidationOutcome::Deferred);
    store.heal();
    eventually("it is appended and freed", || shop.cache.stats().reclaimed == 2).await;
    store.fail_reclaims(3);
    assert_eq!(shop.cache.invalidate(Prefix::new("/b").unwrap()).await, InvalidationOutcome::Applied);
    eventually("the third is freed", || shop.cache.stats().reclaimed == 3).await;
    store.fail_reclaims(10);
    let before = store.reclaims().len();
    assert_eq!(shop.cache.invalidate(Invalidation::all()).await, InvalidationOutcome::Applied);
    eventually("it was tried ten times", || store.failures_left() == 0).await;
    assert_eq!(shop.cache.invalidate(Invalidation::key("a")).await, InvalidationOutcome::Applied);
    eventually("another is freed", || store.reclaims().len() > before).await;
    assert_eq!(store.reclaims().len(), before + 1, "the one that failed was given up");
}

#[tokio::test]
async fn every_exchange_that_fails() {
    let store = MemoryStore::default();
    let options = Cache::builder().shared_store(store.clone());
    let shop = Shop::of(options, Policy::ttl(MINUTE).jitter(0.0), |_| Answer::ok("hello"));
    store.looked().await;
    assert_eq!(shop.cache.stats().store_errors, 0);
    store.fail(StoreErrorKind::Refused);
    eventually("polls fail", || shop.cache.stats().store_errors > 0).await;
    let before = shop.cache.stats().store_errors;
    // A read and a write.
    shop.get("/").await;
    eventually("reads and writes fail", || shop.cache.stats().store_errors >= before + 2).await;
    assert!(shop.cache.invalidate(Tag::new("a")).await.require_applied().is_err());
}

#[tokio::test]
async fn an_invalidated_response_leaves_memory() {
    let shop = Shop::minute();
    shop.get("/").await;
    let _ = shop.cache.invalidate(Invalidation::all()).await;
    shop.send(method(http::Method::HEAD, "/")).await;
    let stats = shop.cache.stats();
    assert_eq!((stats.memory_entries, stats.memory_bytes), (0, 0));
}
