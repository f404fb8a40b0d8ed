//! A handler that fails for a while: it is not asked by every request that gets a stale response.

use std::sync::Arc;
use std::time::SystemTime;

use http::{Method, StatusCode};
use larder::{Policy, Tag};
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Site, soon};

use crate::support::{all, at_once, cache, counted, hourly, secs, site, site_behind_door};

/// An origin whose first answer is good. The calls up to `last_failure` fail like `failing`.
fn failing(failing: Answer, last_failure: usize) -> Origin {
    Origin::new(move |_, call| match call {
        1 => Answer::ok("v1"),
        _ if call <= last_failure => failing.clone(),
        _ => Answer::ok(format!("v{call}")),
    })
}

fn unavailable() -> Answer {
    Answer::status(StatusCode::SERVICE_UNAVAILABLE)
}

fn patient() -> Policy {
    hourly().stale_if_error(secs(600))
}

const NOT_ASKED: &str = "Larder; hit; ttl=0; detail=\"memory, stale-if-error\"";

async fn is_not_asked(site: &Site, times: usize) {
    for _ in 0..times {
        let page = site.get("/a").await;
        assert!(page.is("STALE", "v1"));
        assert!(page.cache_status().starts_with("Larder; hit; "), "{}", page.cache_status());
    }
}

#[tokio::test]
async fn a_handler_that_fails_is_asked_once_in_each_period() {
    let (cache, clock) = cache();
    let origin = failing(unavailable(), 4);
    let site = site(&cache, patient(), &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    for calls in [2, 3, 4] {
        let page = site.get("/a").await;
        assert!(page.is("STALE", "v1"));
        assert!(page.cache_status().contains("fwd-status=503"), "{}", page.cache_status());
        is_not_asked(&site, 5).await;
        assert_eq!(site.ask(Method::HEAD, "/a").send().await.x_cache(), "STALE");
        assert_eq!(origin.calls(), calls);
        clock.advance(secs(1));
    }
    assert!(site.get("/a").await.is("MISS", "v5"));
    assert!(site.get("/a").await.is("HIT", "v5"));
}

#[tokio::test]
async fn the_words_for_a_stale_response_without_a_run_are_those_of_a_hit() {
    let (cache, clock) = cache();
    let site = site(&cache, patient(), &failing(unavailable(), 9)).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    site.get("/a").await;
    assert_eq!(site.get("/a").await.cache_status(), NOT_ASKED);
}

/// While one request tries again, the others do not wait for it.
#[tokio::test]
async fn no_request_waits_for_the_next_attempt() {
    for recovers in [false, true] {
        let (cache, clock) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |_, call| match call {
                1 => Answer::ok("v1"),
                2 => unavailable(),
                _ if recovers => Answer::ok("v3").held_at(&gate),
                _ => unavailable().held_at(&gate),
            }
        });
        let site = Arc::new(site(&cache, patient(), &origin).await);
        site.get("/a").await;
        clock.advance(secs(3600));
        site.get("/a").await;
        clock.advance(secs(1));
        let attempt = at_once(&site, "/a", 1);
        soon("the attempt", gate.arrived(1)).await;
        // The attempt may take longer than a period.
        for _ in 0..3 {
            is_not_asked(&site, 5).await;
            clock.advance(secs(1));
        }
        assert_eq!(origin.calls(), 3);
        gate.open();
        let page = all(attempt).await.remove(0);
        let expected = if recovers { ("MISS", "v3") } else { ("STALE", "v1") };
        assert!(page.is(expected.0, expected.1), "{:?}", page.summary());
        let next = if recovers { ("HIT", "v3") } else { ("STALE", "v1") };
        assert!(site.get("/a").await.is(next.0, next.1));
        assert_eq!(origin.calls(), 3);
    }
}

#[tokio::test]
async fn the_handler_may_ask_for_more_time_up_to_a_minute() {
    let cases: [(fn(SystemTime) -> String, u64, u64); 5] = [
        (|_| "5".into(), 4, 5),
        (|_| "0".into(), 0, 1),
        (|_| "3600".into(), 59, 60),
        (|_| "nonsense".into(), 0, 1),
        (|now| httpdate(now + secs(30)), 28, 30),
    ];
    for (value, not_after, after) in cases {
        let (cache, clock) = cache();
        let wall = SystemTime::from(larder::time::Clock::wall(&clock)) + secs(3600);
        let value = value(wall);
        let origin = failing(unavailable().header("retry-after", &*value), 9);
        let site = site(&cache, patient(), &origin).await;
        site.get("/a").await;
        clock.advance(secs(3600));
        site.get("/a").await;
        clock.advance(secs(not_after));
        is_not_asked(&site, 1).await;
        assert_eq!(origin.calls(), 2, "{value}");
        clock.advance(secs(after - not_after));
        site.get("/a").await;
        assert_eq!(origin.calls(), 3, "{value}");
    }
}

#[tokio::test]
async fn the_policy_sets_the_period() {
    for (period, calls) in [(0, [3, 4, 5]), (7, [2, 2, 3])] {
        let (cache, clock) = cache();
        let origin = failing(unavailable(), 9);
        let site = site(&cache, patient().retry_after_error(secs(period)), &origin).await;
        site.get("/a").await;
        clock.advance(secs(3600));
        site.get("/a").await;
        for (wait, calls) in [0, 6, 1].into_iter().zip(calls) {
            clock.advance(secs(wait));
            assert!(site.get("/a").await.is("STALE", "v1"));
            assert_eq!(origin.calls(), calls, "{period} {wait}");
        }
    }
}

/// An invalidated response is not served, although the handler is not to be asked yet.
#[tokio::test]
async fn after_an_invalidation_or_its_window_the_stale_response_is_not_served() {
    for invalidate in [false, true] {
        let (cache, clock) = cache();
        let origin = failing(unavailable().header("retry-after", "60"), 9);
        let policy = hourly().stale_if_error(secs(30)).tag("thing");
        let site = site(&cache, policy, &origin).await;
        site.get("/a").await;
        clock.advance(secs(3600));
        assert!(site.get("/a").await.is("STALE", "v1"));
        is_not_asked(&site, 1).await;
        if invalidate {
            let _ = cache.invalidate(Tag::new("thing")).await;
        } else {
            clock.advance(secs(30));
        }
        assert_eq!(site.get("/a").await.status, StatusCode::SERVICE_UNAVAILABLE, "{invalidate}");
        assert_eq!(origin.calls(), 3);
    }
}

/// A refresh in the background fails, so the next requests do not each start another one.
#[tokio::test]
async fn a_failing_refresh_is_not_repeated_by_every_request() {
    for policy in [
        hourly().stale_while_revalidate(secs(600)),
        hourly().stale_while_revalidate(secs(600)).stale_if_error(secs(600)),
    ] {
        let (cache, clock) = cache();
        let origin = failing(unavailable(), 3);
        let site = site(&cache, policy, &origin).await;
        site.get("/a").await;
        clock.advance(secs(3600));
        for refreshes in [1, 2] {
            assert!(site.get("/a").await.is("STALE", "v1"));
            counted(&cache, |stats| stats.fills == 1 + refreshes).await;
            tokio::task::yield_now().await;
            for _ in 0..5 {
                assert!(site.get("/a").await.is("STALE", "v1"));
            }
            assert_eq!(cache.stats().refreshes, refreshes);
            clock.advance(secs(1));
        }
        assert!(site.get("/a").await.is("STALE", "v1"));
        counted(&cache, |stats| stats.stored == 2).await;
        assert!(site.get("/a").await.is("HIT", "v4"));
    }
}

/// Requests for a response that is never fresh do not wait for each other, but do not all fail.
#[tokio::test]
async fn a_response_that_is_never_fresh_is_served_on_error_too() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, call| match call {
        1 => {
            Answer::ok("v1").header("cache-control", "max-age=0, stale-if-error=60").header("etag", "\"v1\"")
        }
        _ => unavailable(),
    });
    let site = site(&cache, Policy::rfc9111(), &origin).await;
    site.get("/a").await;
    for calls in [2, 3] {
        assert!(site.get("/a").await.is("STALE", "v1"));
        is_not_asked(&site, 5).await;
        assert_eq!(origin.calls(), calls);
        clock.advance(secs(1));
    }
}

/// The first failure is not known before it happens, so the requests that came with it wait.
#[tokio::test]
async fn each_variant_and_each_key_has_a_failure_of_its_own() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, call| {
        let language = request.headers.get("accept-language").cloned();
        match call {
            1..=4 => Answer::ok(request.uri.path().to_owned()).header("vary", "accept-language"),
            _ if language.is_some_and(|language| language == "en") => unavailable(),
            _ => Answer::ok("new").header("vary", "accept-language"),
        }
    });
    let (site, _) = site_behind_door(&cache, patient(), &origin).await;
    let ask = async |path: &str, language: &str| {
        site.ask(Method::GET, path).with("accept-language", language).send().await.x_cache()
    };
    for (path, language) in [("/a", "en"), ("/a", "de"), ("/b", "en"), ("/b", "de")] {
        assert_eq!(ask(path, language).await, "MISS");
    }
    clock.advance(secs(3600));
    assert_eq!(ask("/a", "en").await, "STALE");
    assert_eq!((ask("/a", "en").await, origin.calls()), ("STALE".into(), 5));
    assert_eq!((ask("/a", "de").await, origin.calls()), ("MISS".into(), 6));
    assert_eq!((ask("/b", "en").await, origin.calls()), ("STALE".into(), 7));
    assert_eq!((ask("/b", "de").await, origin.calls()), ("MISS".into(), 8));
}

fn httpdate(time: SystemTime) -> String {
    larder_core::http::date::format(time.into()).to_str().unwrap().to_owned()
}
