//! Whether a cache is ready, and how its shared store is doing.

use std::time::Duration;

use axum::Router;
use larder::store::StoreErrorKind;
use larder::{Cache, InvalidationOutcome, StoreState, Tag};
use larder_testing::{Answer, CacheStatus, MemoryStore, Origin};
use larder_tests::http::{Site, soon};
use tower::Layer as _;

use crate::support::{cache, hourly};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(5);

#[tokio::test]
async fn without_a_store_a_cache_is_always_ready() {
    let (cache, _) = cache();
    assert_eq!(cache.ready(Duration::ZERO).await, Ok(()));
    let health = cache.health();
    assert!(health.is_ready() && health.caught_up);
    assert_eq!((health.store, health.deferred), (StoreState::Absent, 0));
}

/// An instance that is ready serves from the store. One that has not read the log does not.
#[tokio::test]
async fn an_instance_that_is_ready_uses_the_store_at_once() {
    let (store, origin) = (MemoryStore::new(), Origin::new(|_, _| Answer::ok("hello")));
    for tier in ["never-stored", "shared"] {
        let cache = Cache::builder().shared_store(store.clone()).build();
        soon("the store", cache.ready(Duration::MAX)).await.unwrap();
        let health = cache.health();
        assert!(health.is_ready(), "{health}");
        assert_eq!(health.store, StoreState::Working);
        assert!(health.confirmation_age.is_some());
        let layer = cache.layer(hourly());
        let site = Site::of(Router::new().fallback_service(layer.layer(origin.clone()))).await;
        let page = site.ask(http::Method::GET, "/").with("host", "shop.example").send().await;
        assert_eq!(CacheStatus::from_headers(&page.headers).unwrap().detail(), Some(tier));
        soon("the write", async {
            while store.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn the_wait_is_bounded_and_ends_when_the_store_is_reached() {
    let store = MemoryStore::new();
    store.fail(StoreErrorKind::Unreachable);
    let cache = Cache::builder().shared_store(store.clone()).build();
    let error = soon("the end of the wait", cache.ready(SHORT)).await.unwrap_err();
    assert_eq!(error.health().store, StoreState::Connecting);
    assert!(!error.health().caught_up && error.health().confirmation_age.is_none());
    store.heal();
    soon("the store", cache.ready(LONG)).await.unwrap();
}

/// Until the others know the invalidation, this instance does not use the store.
#[tokio::test]
async fn a_deferred_invalidation_is_counted_and_ends_readiness() {
    let store = MemoryStore::new();
    let cache = Cache::builder().shared_store(store.clone()).build();
    soon("the store", cache.ready(LONG)).await.unwrap();
    store.fail(StoreErrorKind::Refused);
    assert_eq!(cache.invalidate(Tag::new("a")).await, InvalidationOutcome::Deferred);
    let health = cache.health();
    assert_eq!((health.store, health.deferred, health.is_ready()), (StoreState::Refusing, 1, false));
    store.heal();
    soon("the store", cache.ready(LONG)).await.unwrap();
    assert_eq!(cache.health().deferred, 0);
}

#[tokio::test]
async fn a_closed_cache_is_not_ready_and_nothing_waits_for_it() {
    let cache = Cache::builder().shared_store(MemoryStore::new()).build();
    soon("the store", cache.ready(LONG)).await.unwrap();
    let _ = cache.close().await;
    let error = soon("an answer at once", cache.ready(Duration::MAX)).await.unwrap_err();
    assert_eq!(error.health().store, StoreState::Closed);
}

/// Nothing follows the log of a closed cache, so what it has not read by then it never reads.
#[tokio::test]
async fn a_cache_that_is_closed_before_it_is_ready_is_not_waited_for() {
    let store = MemoryStore::new();
    store.fail(StoreErrorKind::Unreachable);
    let cache = Cache::builder().shared_store(store).build();
    let waiting = cache.ready(Duration::MAX);
    let closing = async {
        let _ = cache.close().await;
    };
    let (waited, ()) = soon("the end of the wait", async { tokio::join!(waiting, closing) }).await;
    assert_eq!(waited.unwrap_err().health().store, StoreState::Closed);
    let error = soon("an answer at once", cache.ready(Duration::MAX)).await.unwrap_err();
    assert_eq!(error.health().store, StoreState::Closed);
}
