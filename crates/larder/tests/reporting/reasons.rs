//! Tests that every reason that the cache can report does occur.

use std::collections::BTreeSet;
use std::time::Duration;

use http::header::FROM;
use http::{HeaderName, Method, Request, StatusCode};
use larder::store::StoreErrorKind;
use larder::{Cache, Invalidation, Policy, ReadYourWrites};
use larder_core::outcome::{BypassReason, MissReason, NotStored};
use larder_testing::{Answer, Gate, Step};
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use crate::shop::{Shop, eventually, get, method, with};
use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);

fn minute() -> Policy {
    Policy::ttl(MINUTE).jitter(0.0)
}

fn words(counts: &std::collections::BTreeMap<&'static str, u64>) -> Vec<(&'static str, u64)> {
    counts.iter().map(|(word, count)| (*word, *count)).collect()
}

/// Returns a request for each reason for a bypass, except for those that need another cache or a
/// layer around it.
pub(crate) fn bypasses() -> [(BypassReason, Request<()>); 13] {
    let long = format!("/{}", "x".repeat(10_000));
    let two_hosts = Request::builder().uri("http://a.example/").header("host", "b.example").body(()).unwrap();
    [
        (BypassReason::Method, method(Method::POST, "/")),
        (BypassReason::Authorization, with("/", "authorization", "Bearer x")),
        (BypassReason::Cookie, with("/", "cookie", "session=x")),
        (BypassReason::Range, with("/", "range", "items=0-1")),
        (BypassReason::Precondition, with("/", "if-match", "\"x\"")),
        (BypassReason::Upgrade, with("/", "upgrade", "websocket")),
        (BypassReason::Body, with("/", "content-length", "3")),
        (BypassReason::Override, with("/", "x-http-method-override", "DELETE")),
        (BypassReason::Authority, two_hosts),
        (BypassReason::NoKey, get("/none")),
        (BypassReason::MissingParameter, get("/")),
        (BypassReason::KeyTooLong, get(&long)),
        (BypassReason::ReadYourWrites, with("/", "from", "1-0-0-0")),
    ]
}

/// Returns a policy under which the request bypasses the cache for this reason.
pub(crate) fn bypass_by(reason: BypassReason) -> Policy {
    let keyed = |parts: &larder::RoutedRequest<'_>| match parts.uri.path() {
        "/none" => None,
        path => Some(path.to_owned()),
    };
    match reason {
        BypassReason::NoKey => minute().key_with(keyed),
        BypassReason::MissingParameter => minute().key("product:{id}"),
        BypassReason::ReadYourWrites => minute().read_your_writes(ReadYourWrites::header(FROM)),
        _ => minute(),
    }
}

#[tokio::test]
async fn every_reason_to_go_past_the_cache() {
    use BypassReason::{Credentials, Disabled, Nested, SwitchedOff};
    let elsewhere = [Nested, Disabled, Credentials, SwitchedOff];
    let mut seen = BTreeSet::from(elsewhere.map(BypassReason::as_str));
    for (reason, request) in bypasses() {
        let shop = Shop::new(bypass_by(reason), |_| Answer::ok("hello"));
        let response = shop.send(request).await;
        assert_eq!(response.headers()["x-cache"], "BYPASS", "{reason}");
        assert_eq!(words(&shop.cache.stats().bypasses), [(reason.as_str(), 1)]);
        assert_eq!(shop.cache.stats().hit_ratio(), 0.0);
        seen.insert(reason.as_str());
    }
    assert_eq!(seen, BypassReason::ALL.iter().map(|reason| reason.as_str()).collect());
}

#[tokio::test]
async fn a_layer_within_a_layer_of_the_same_cache() {
    let shop = Shop::minute();
    let around = shop.cache.layer(minute()).layer(shop.service.clone());
    around.oneshot(get("/")).await.unwrap();
    let stats = shop.cache.stats();
    assert_eq!(words(&stats.bypasses), [("nested", 1)]);
    assert_eq!(words(&stats.misses), [("never-stored", 1)]);
}

#[tokio::test]
async fn every_reason_not_to_store() {
    let ok = || Answer::ok("hello");
    let bearer = || with("/", "authorization", "Bearer x");
    let no_store = || with("/", "cache-control", "no-store");
    let large = "x".repeat(5_000);
    let fields = |count: usize| (0..count).fold(ok(), |answer, _| answer.header("x-much", "y".repeat(4_000)));
    let streamed = |step: Step| ok().steps([Step::data("he"), step]);
    let trailers =
        http::HeaderMap::from_iter([(HeaderName::from_static("x-sum"), http::HeaderValue::from_static("1"))]);
    let cases = [
        (NotStored::Status, get("/"), Answer::status(StatusCode::NOT_FOUND)),
        (NotStored::NoStore, get("/"), ok().header("cache-control", "no-store")),
        (NotStored::Private, get("/"), ok().header("cache-control", "private")),
        (NotStored::SetCookie, get("/"), ok().header("set-cookie", "a=b")),
        (NotStored::VaryStar, get("/"), ok().header("vary", "*")),
        (NotStored::Authorization, bearer(), ok()),
        (NotStored::Cookie, with("/", "cookie", "a=b"), ok()),
        (NotStored::NoLifetime, get("/"), ok().header("cache-control", "max-age=0")),
        (NotStored::Partial, get("/"), Answer::status(StatusCode::PARTIAL_CONTENT)),
        (NotStored::Incomplete, get("/"), ok().header("content-length", "6")),
        (NotStored::TooLarge, get("/"), ok().body(large.clone())),
        (NotStored::TooLarge, get("/"), streamed(Step::data(large))),
        (NotStored::HeadersTooLarge, get("/"), fields(20)),
        (NotStored::BodyError, get("/"), streamed(Step::fail("broken"))),
        (NotStored::Endless, get("/"), ok().header("content-type", "text/event-stream; charset=utf-8")),
        (NotStored::Trailers, get("/"), streamed(Step::Trailers(trailers))),
        (NotStored::Request, no_store(), ok()),
        (NotStored::Method, method(Method::HEAD, "/"), ok()),
    ];
    let mut seen = BTreeSet::new();
    for (reason, request, answer) in cases {
        let policy = minute().max_body(4_000).honor_request_directives();
        let shop = Shop::new(policy, move |_| answer.clone());
        shop.send(request).await;
        let stats = shop.cache.stats();
        assert_eq!(words(&stats.not_stored), [(reason.as_str(), 1)]);
        assert_eq!(stats.stored, 0, "{reason}");
        seen.insert(reason.as_str());
    }
    // Two depend on time and on clients, which the next test covers. The others need two stores,
    // and a cache with further credentials. One is a reason of values alone.
    let elsewhere = [
        NotStored::FillTimeout,
        NotStored::Abandoned,
        NotStored::OtherLog,
        NotStored::Credentials,
        NotStored::Invalidated,
    ];
    seen.extend(elsewhere.map(NotStored::as_str));
    assert_eq!(seen, NotStored::ALL.iter().map(|reason| reason.as_str()).collect());
}

/// In the first case the client waits for the handler, in the second it has disconnected.
#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_answer() {
    for (reason, abandoned) in [(NotStored::FillTimeout, 1), (NotStored::Abandoned, 0)] {
        let gate = Gate::new();
        let options = Cache::builder().max_abandoned_fills(abandoned);
        let handler_gate = gate.clone();
        let shop = Shop::of(options, minute(), move |_| Answer::ok("late").held_at(&handler_gate));
        let client = tokio::spawn(shop.service.clone().oneshot(get("/")));
        gate.arrived(1).await;
        if reason == NotStored::Abandoned {
            client.abort();
        }
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(words(&shop.cache.stats().not_stored), [(reason.as_str(), 1)]);
        gate.open();
        if let Ok(answered) = client.await {
            let response = answered.unwrap();
            let status = response.headers()["cache-status"].to_str().unwrap();
            assert!(status.contains("not stored: fill-timeout"), "{status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end() {
    let shop = Shop::new(minute(), |_| Answer::ok("").steps([Step::data("he"), Step::Stall]));
    let response = shop.service.clone().oneshot(get("/")).await.unwrap();
    assert_eq!(shop.cache.stats().not_stored.len(), 0, "it may end yet");
    tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(words(&shop.cache.stats().not_stored), [("endless", 1)]);
    drop(response);
}

/// Returns a shop whose last request was a miss for this reason.
async fn missed(reason: MissReason) -> Shop {
    let script = move |_| match reason {
        MissReason::Vary => Answer::ok("hello").header("vary", "accept"),
        MissReason::NoCache => {
            Answer::ok("hello").header("cache-control", "no-cache").header("etag", "\"1\"")
        }
        MissReason::HitForMiss => Answer::ok("hello").header("cache-control", "no-store"),
        MissReason::Partial => {
            Answer::status(StatusCode::PARTIAL_CONTENT).header("content-range", "bytes 0-4/9").body("hello")
        }
        _ => Answer::ok("hello"),
    };
    let store = MemoryStore::default();
    let shared = matches!(
        reason,
        MissReason::LogRestarted
            | MissReason::Starting
            | MissReason::Unconfirmed
            | MissReason::Unreadable
            | MissReason::StoreError
    );
    let options = match shared {
        true => Cache::builder().shared_store(store.clone()).max_memory_bytes(0),
        false => Cache::builder(),
    };
    if reason == MissReason::Starting {
        store.fail(StoreErrorKind::Unreachable);
    }
    let shop = Shop::of(options, minute().honor_request_directives().store_partial(), script);
    if shared && reason != MissReason::Starting {
        store.looked().await;
    }
    if matches!(reason, MissReason::NeverStored | MissReason::Starting) {
        shop.get("/").await;
        return shop;
    }
    match reason {
        MissReason::Partial => drop(shop.send(with("/", "range", "bytes=0-4")).await),
        _ => drop(shop.get("/").await),
    }
    let again = prepare(reason, &shop, &store).await;
    shop.send(again).await;
    shop
}

/// Changes something, so that the request it returns is a miss for this reason.
async fn prepare(reason: MissReason, shop: &Shop, store: &MemoryStore) -> Request<()> {
    match reason {
        MissReason::Expired => shop.clock.advance(MINUTE),
        MissReason::Invalidated => {
            assert_eq!(shop.cache.invalidate(Invalidation::all()).await.require_applied(), Ok(()));
        }
        MissReason::LogRestarted => {
            store.restart();
            store.looked().await;
            store.looked().await;
        }
        MissReason::Vary => return with("/", "accept", "text/plain"),
        MissReason::Request => return with("/", "cache-control", "no-cache"),
        MissReason::Unreadable => store.replace_all(b"garbage"),
        MissReason::StoreError => store.fail(StoreErrorKind::Timeout),
        MissReason::Unconfirmed => {
            store.fail(StoreErrorKind::Timeout);
            shop.clock.advance(Duration::from_secs(3));
        }
        _ => {}
    }
    get("/")
}

/// The memory tier of the second instance is off, or it does not have the response.
#[tokio::test]
async fn a_response_that_is_stale_in_the_shared_tier_alone_is_reported_with_its_reason() {
    let expired = Answer::ok("hello");
    let validated = Answer::ok("hello").header("cache-control", "no-cache").header("etag", "\"1\"");
    for (reason, answer) in [("expired", expired), ("no-cache", validated)] {
        for (keeps, request) in [(false, get("/")), (true, get("/")), (false, method(Method::HEAD, "/"))] {
            let store = MemoryStore::default();
            let bytes = if keeps { 1 << 20 } else { 0 };
            let first =
                Shop::of(Cache::builder().shared_store(store.clone()).max_memory_bytes(bytes), minute(), {
                    let answer = answer.clone();
                    move |_| answer.clone()
                });
            store.looked().await;
            first.get("/").await;
            eventually("it is stored", || store.holds() == 1).await;

            let answer = answer.clone();
            let options = Cache::builder().shared_store(store.clone()).max_memory_bytes(bytes);
            let second = Shop::of(options, minute(), move |_| answer.clone());
            second.clock.advance(MINUTE);
            store.looked().await;
            let response = second.send(request).await;
            let status = response.headers()["cache-status"].to_str().unwrap();
            assert!(status.starts_with("Larder; fwd=stale; fwd-status=200"), "{reason}: {status}");
            assert_eq!(words(&second.cache.stats().misses), [(reason, 1)]);
        }
    }
}

#[tokio::test]
async fn every_reason_to_miss() {
    // Only values have a schema: see the module `values`. An eviction takes many requests: see the
    // module `evictions`.
    let others = [MissReason::Schema, MissReason::Evicted];
    for reason in MissReason::ALL.iter().filter(|reason| !others.contains(reason)) {
        let shop = missed(*reason).await;
        let first = if *reason == MissReason::Starting { "starting" } else { "never-stored" };
        let mut expected = vec![(first, 1)];
        if !matches!(*reason, MissReason::NeverStored | MissReason::Starting) {
            expected.push((reason.as_str(), 1));
            expected.sort_unstable();
        }
        assert_eq!(words(&shop.cache.stats().misses), expected);
    }
}
