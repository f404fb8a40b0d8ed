//! The reasons that are reported for requests for ranges that the handler has to answer.

use std::time::Duration;

use http::{Request, StatusCode};
use larder::{Cache, Policy};
use larder_testing::Answer;

use crate::shop::{Shop, get, with};

const MINUTE: Duration = Duration::from_secs(60);

fn ranged(range: &str) -> Request<()> {
    with("/", "range", range)
}

/// Returns a shop that has answered `first`, if there is such a request.
///
/// Its origin gives the same answer to every request.
async fn asked(first: Option<Request<()>>, answer: Answer) -> Shop {
    let policy = Policy::ttl(MINUTE).jitter(0.0).honor_request_directives().store_partial();
    let shop = Shop::of(Cache::builder(), policy, move |_| answer.clone());
    if let Some(first) = first {
        shop.send(first).await;
    }
    shop
}

fn part() -> Answer {
    Answer::status(StatusCode::PARTIAL_CONTENT).header("content-range", "bytes 0-4/9").body("hello")
}

fn reload(mut request: Request<()>) -> Request<()> {
    request.headers_mut().insert("cache-control", http::HeaderValue::from_static("no-cache"));
    request
}

/// RFC 9211 §2.2: "The most specific reason known to the cache SHOULD be used".
#[tokio::test]
async fn a_request_for_ranges_is_forwarded_for_the_reason_there_is() {
    let whole = || Answer::ok("hello wor");
    let varied = whole().header("vary", "accept");
    let private = whole().header("cache-control", "private");
    let (one, beyond) = (|| ranged("bytes=0-1"), || ranged("bytes=2-7"));
    let mut other_variant = one();
    other_variant.headers_mut().insert("accept", http::HeaderValue::from_static("text/plain"));
    let late = MINUTE * 2;
    let now = Duration::ZERO;
    let cases = [
        // The first request, the answer of the origin, the time until the second request, the
        // second request, and the `X-Cache`, `fwd` and reason that are reported for it.
        (None, whole(), now, one(), "MISS", "uri-miss", "never-stored"),
        (None, whole(), now, ranged("items=0-1"), "BYPASS", "bypass", "range"),
        (Some(get("/")), whole(), now, ranged("items=0-1"), "BYPASS", "bypass", "range"),
        (Some(one()), part(), now, ranged("items=0-1"), "BYPASS", "bypass", "range"),
        (Some(one()), part(), now, beyond(), "MISS", "partial", "partial"),
        (Some(one()), part(), now, get("/"), "MISS", "partial", "partial"),
        (Some(one()), part(), now, reload(one()), "MISS", "request", "request"),
        (Some(one()), part(), late, one(), "MISS", "stale", "expired"),
        (Some(one()), part(), late, beyond(), "MISS", "stale", "expired"),
        (Some(get("/")), whole(), late, one(), "MISS", "stale", "expired"),
        (Some(get("/")), whole(), now, reload(one()), "MISS", "request", "request"),
        (Some(get("/")), varied, now, other_variant, "MISS", "vary-miss", "vary"),
        (Some(get("/")), private, now, one(), "MISS", "uri-miss", "pass"),
    ];
    for (at, (first, answer, later, request, x_cache, fwd, reason)) in cases.into_iter().enumerate() {
        let shop = asked(first, answer).await;
        let before = shop.cache.stats();
        shop.clock.advance(later);
        let response = shop.send(request).await;
        assert_eq!(response.headers()["x-cache"], x_cache, "case {at}");
        let status = response.headers()["cache-status"].to_str().unwrap();
        assert!(status.starts_with(&format!("Larder; fwd={fwd}; fwd-status=")), "case {at}: {status}");
        let after = shop.cache.stats();
        let counted = |stats: &larder::Stats| match x_cache {
            "BYPASS" => stats.bypasses.get(reason).copied().unwrap_or(0),
            _ => stats.misses.get(reason).copied().unwrap_or(0),
        };
        assert_eq!(counted(&after), counted(&before) + 1, "case {at}: {after:?}");
    }
}
