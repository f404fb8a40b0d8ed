//! The number of exchanges before a handler runs.

use std::sync::atomic::Ordering;

use axum::http::Request;
use axum::http::header::CACHE_CONTROL;
use larder::{Invalidation, Tag};
use larder_tests::redis::{CountingStore, eventually};

use super::Pair;

/// One for the lookup, one for the lease.
#[tokio::test]
async fn an_unknown_key_takes_two_and_a_hit_in_redis_takes_one() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    assert_eq!(a.get("/plain/1").await.of(), ("1", "MISS never-stored", 2));
    pair.is_quiet().await;
    assert_eq!(b.get("/plain/1").await.of(), ("1", "HIT shared", 1));
    assert_eq!(b.get("/plain/1").await.of(), ("1", "HIT memory", 0));
}

/// The claim of the lease is the only one: it would return any other stored response.
#[tokio::test]
async fn an_invalidated_response_takes_one_whether_filled_here_or_found_in_redis() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    for number in ["2", "3"] {
        a.get("/plain/1").await;
        pair.is_quiet().await;
        b.get("/plain/1").await;
        pair.change();
        a.invalidates().await;
        b.catches_up().await;
        let (first, other) = if number == "2" { (&a, &b) } else { (&b, &a) };
        assert_eq!(first.get("/plain/1").await.of(), (number, "MISS invalidated", 1));
        pair.is_quiet().await;
        assert_eq!(other.get("/plain/1").await.of(), (number, "HIT shared", 1), "found by the claim");
    }
    assert_eq!(a.get("/plain/2").await.of(), ("3", "MISS never-stored", 2));
}

#[tokio::test]
async fn an_expired_response_takes_one() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    a.get("/plain/1").await;
    pair.is_quiet().await;
    b.get("/plain/1").await;
    pair.change();
    a.expires().await;
    b.expires().await;
    pair.is_quiet().await;
    assert_eq!(a.get("/plain/1").await.of(), ("2", "MISS expired", 1));
    pair.is_quiet().await;
    assert_eq!(b.get("/plain/1").await.of(), ("2", "HIT shared", 1));
}

/// A variant has an address of its own, which memory knows.
#[tokio::test]
async fn an_invalidated_or_expired_variant_takes_one() {
    let pair = Pair::new().await;
    let a = pair.node().await;
    a.get_in("/languages/1", "en").await;
    a.get_in("/languages/1", "de").await;
    pair.is_quiet().await;
    a.invalidates().await;
    assert_eq!(a.get_in("/languages/1", "en").await.of(), ("1en", "MISS invalidated", 1));
    pair.is_quiet().await;
    assert_eq!(a.get_in("/languages/1", "de").await.of(), ("1de", "MISS invalidated", 1));
    pair.is_quiet().await;
    a.expires().await;
    pair.is_quiet().await;
    assert_eq!(a.get_in("/languages/1", "de").await.of(), ("1de", "MISS expired", 1));
}

#[tokio::test]
async fn a_refresh_takes_one() {
    let pair = Pair::new().await;
    let a = pair.node().await;
    a.get("/patient/1").await;
    pair.is_quiet().await;
    pair.change();
    a.expires().await;
    pair.is_quiet().await;
    let (runs, before) = (a.runs(), a.store.trips());
    let stale = a.get("/patient/1").await;
    assert_eq!((&*stale.text, &*stale.outcome), ("1", "STALE memory, stale-while-revalidate"));
    eventually("it is refreshed", async || a.runs() > runs).await;
    assert_eq!(a.handler.trips.load(Ordering::SeqCst) - before, 1);
}

/// The client does not want what is stored, here or in Redis.
#[tokio::test]
async fn a_request_that_refuses_stored_responses_takes_one() {
    let pair = Pair::new().await;
    let a = pair.node().await;
    a.get("/polite/1").await;
    pair.is_quiet().await;
    let no_cache = Request::get("/polite/1").header(CACHE_CONTROL, "no-cache");
    assert_eq!(a.send(no_cache).await.of(), ("1", "MISS request", 1));
}

/// A `HEAD` claims no lease, and a response to equivalent queries may be under several keys. A
/// request that accepts only a stored response claims none either.
#[tokio::test]
async fn other_requests_look_up_as_before() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    let paths = ["/polite/1", "/plain/1", "/searched/1?a=1"];
    for path in paths {
        a.get(path).await;
    }
    pair.is_quiet().await;
    for path in paths {
        b.get(path).await;
    }
    pair.change();
    a.invalidates().await;
    b.catches_up().await;
    let only = Request::get("/polite/1").header(CACHE_CONTROL, "only-if-cached");
    assert_eq!(b.send(only).await.trips, 1);
    assert_eq!(b.send(Request::head("/plain/1")).await.trips, 1);
    assert_eq!(b.get("/searched/1?a=1").await.trips, 3, "two lookups at once, and the claim");
}

/// The response is softly invalidated, so it is stale.
#[tokio::test]
async fn a_softly_invalidated_response_takes_one() {
    let pair = Pair::new().await;
    let a = pair.node().await;
    a.get("/plain/1").await;
    pair.is_quiet().await;
    pair.change();
    let soft = Invalidation::from(Tag::new("number")).soft();
    let _ = a.cache.invalidate(soft).await;
    a.catches_up().await;
    assert_eq!(a.get("/plain/1").await.of(), ("2", "MISS invalidated", 1));
}

/// A store whose claim compares nothing would never show what other instances have stored.
#[tokio::test]
async fn a_store_that_does_not_allow_it_is_looked_up_first() {
    let pair = Pair::new().await;
    let store = CountingStore { may_claim_first: false, ..CountingStore::connect(&pair.redis) };
    let a = pair.node_with(store, 1 << 20).await;
    a.get("/plain/1").await;
    pair.is_quiet().await;
    pair.change();
    a.invalidates().await;
    assert_eq!(a.get("/plain/1").await.of(), ("2", "MISS invalidated", 2));
}

/// Without memory, the lookup that comes first is the only one.
#[tokio::test]
async fn without_memory_a_miss_takes_two() {
    let pair = Pair::new().await;
    let a = pair.node_with(CountingStore::connect(&pair.redis), 0).await;
    assert_eq!(a.get("/plain/1").await.of(), ("1", "MISS never-stored", 2));
    pair.is_quiet().await;
    pair.change();
    a.invalidates().await;
    assert_eq!(a.get("/plain/1").await.of(), ("2", "MISS invalidated", 2));
    pair.is_quiet().await;
    assert_eq!(a.get("/plain/1").await.of(), ("2", "HIT shared", 1));
}

/// A request that arrives while the handler runs asks Redis for nothing.
#[tokio::test]
async fn a_follower_takes_none() {
    let pair = Pair::new().await;
    let a = pair.node().await;
    let before = a.store.trips();
    let runs = a.runs();
    let (one, other) = tokio::join!(a.get("/plain/1"), a.get("/plain/1"));
    assert_eq!((&*one.text, &*other.text), ("1", "1"));
    assert_eq!((a.runs() - runs, a.handler.trips.load(Ordering::SeqCst) - before), (1, 2));
}
