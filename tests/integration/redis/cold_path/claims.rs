//! The responses that the claim of a lease finds in Redis, without a lookup before it.

use std::sync::atomic::Ordering;

use axum::http::Request;
use axum::http::header::CACHE_CONTROL;

use super::{Node, Pair};

/// Lets both instances have a response that is invalidated, and then lets A store a new one.
async fn refilled_elsewhere(pair: &Pair, a: &Node, b: &Node, path: &str) {
    a.get(path).await;
    pair.is_quiet().await;
    b.get(path).await;
    pair.change();
    a.invalidates().await;
    b.catches_up().await;
    a.get(path).await;
    pair.is_quiet().await;
}

/// The lease is not granted although the response is not stored here.
#[tokio::test]
async fn a_response_of_another_instance_is_served_and_the_handler_does_not_run() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    let runs = b.runs();
    refilled_elsewhere(&pair, &a, &b, "/plain/1").await;
    assert_eq!(b.get("/plain/1").await.of(), ("2", "HIT shared", 1));
    assert_eq!(b.get("/plain/1").await.of(), ("2", "HIT memory", 0));
    assert_eq!(b.runs(), runs);
}

/// Rule 3 holds for what the claim returns, as for what a lookup returns.
#[tokio::test]
async fn a_response_that_was_invalidated_since_is_not_served() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    refilled_elsewhere(&pair, &a, &b, "/plain/1").await;
    pair.change();
    a.invalidates().await;
    b.catches_up().await;
    assert_eq!(b.get("/plain/1").await.of(), ("3", "MISS invalidated", 2));
    pair.is_quiet().await;
    assert_eq!(a.get("/plain/1").await.of(), ("3", "HIT shared", 1));
}

#[tokio::test]
async fn a_response_that_has_expired_since_is_not_served() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    refilled_elsewhere(&pair, &a, &b, "/plain/1").await;
    pair.change();
    a.expires().await;
    b.expires().await;
    pair.is_quiet().await;
    assert_eq!(b.get("/plain/1").await.of(), ("3", "MISS expired", 2));
}

/// The directives of a request hold for what the claim returns.
#[tokio::test]
async fn a_request_that_refuses_stored_responses_gets_none_from_another_instance() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    refilled_elsewhere(&pair, &a, &b, "/polite/1").await;
    let (runs, number) = (b.runs(), pair.number.load(Ordering::SeqCst));
    let no_cache = Request::get("/polite/1").header(CACHE_CONTROL, "no-cache");
    let answer = b.send(no_cache).await;
    assert_eq!(answer.of(), (number.to_string().as_str(), "MISS request", 2));
    assert_eq!(b.runs(), runs + 1);
}

#[tokio::test]
async fn another_variant_is_not_served() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    for language in ["en", "de"] {
        a.get_in("/languages/1", language).await;
        pair.is_quiet().await;
        b.get_in("/languages/1", language).await;
    }
    pair.change();
    a.invalidates().await;
    b.catches_up().await;
    a.get_in("/languages/1", "de").await;
    pair.is_quiet().await;
    assert_eq!(b.get_in("/languages/1", "en").await.of(), ("2en", "MISS invalidated", 1));
    pair.is_quiet().await;
    assert_eq!(b.get_in("/languages/1", "de").await.of(), ("2de", "HIT shared", 1));
}

/// The value at the address is no response any more: it names the fields that responses vary on.
#[tokio::test]
async fn responses_that_vary_meanwhile_are_found() {
    let pair = Pair::new().await;
    let (a, b) = (pair.node().await, pair.node().await);
    a.handler.varies.store(false, Ordering::SeqCst);
    a.get_in("/languages/1", "en").await;
    pair.is_quiet().await;
    assert_eq!(b.get_in("/languages/1", "en").await.outcome, "HIT shared");
    a.handler.varies.store(true, Ordering::SeqCst);
    pair.change();
    a.invalidates().await;
    b.catches_up().await;
    a.get_in("/languages/1", "en").await;
    pair.is_quiet().await;
    let answer = b.get_in("/languages/1", "en").await;
    assert_eq!((&*answer.text, &*answer.outcome), ("2en", "HIT shared"));
    assert_eq!(b.get_in("/languages/1", "de").await.text, "2de");
}

/// Redis does not answer: the handler runs without a lease, as after a lookup that fails.
#[tokio::test]
async fn a_claim_that_fails_is_reported_like_a_lookup_that_fails() {
    let pair = Pair::new().await;
    let a = pair.node().await;
    a.get("/plain/1").await;
    pair.is_quiet().await;
    pair.change();
    a.invalidates().await;
    a.store.fails_claims.store(true, Ordering::SeqCst);
    let answer = a.get("/plain/1").await;
    assert_eq!((&*answer.text, &*answer.outcome), ("2", "MISS store-error"));
    assert_eq!(a.get("/plain/1").await.outcome, "HIT memory");
}

/// An unreadable value with a high position would never be replaced, so it is removed.
#[tokio::test]
async fn an_unreadable_value_is_removed() {
    let pair = Pair::new().await;
    let a = pair.node().await;
    a.get("/plain/1").await;
    pair.is_quiet().await;
    let names = pair.redis.command(&["KEYS", "*/plain/1*"]).await.unwrap();
    let name = names.as_array().unwrap()[0].as_str().unwrap().to_owned();
    pair.redis.command(&["SETRANGE", &name, "20", "\u{7f}\u{7f}\u{7f}\u{7f}"]).await.unwrap();
    pair.redis.command(&["APPEND", &name, "damaged!"]).await.unwrap();
    pair.change();
    a.invalidates().await;
    let answer = a.get("/plain/1").await;
    assert_eq!((&*answer.text, &*answer.outcome), ("2", "MISS unreadable"));
    pair.is_quiet().await;
    let b = pair.node().await;
    assert_eq!(b.get("/plain/1").await.of(), ("2", "HIT shared", 1));
}
