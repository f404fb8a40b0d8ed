//! Stale responses: during a refresh, when the handler fails, and after a soft invalidation.

use std::sync::Arc;

use http::{Method, StatusCode};
use larder::{Invalidation, Tag};
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Site, soon};
use tower::Layer as _;

use crate::support::{all, at_once, cache, hourly, secs, site, site_behind_door, stored};

#[tokio::test]
async fn a_stale_response_is_served_while_one_request_refreshes_it() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => Answer::ok("v1"),
            _ => Answer::ok("v2").held_at(&gate),
        }
    });
    let site = Arc::new(site(&cache, hourly().stale_while_revalidate(secs(30)), &origin).await);
    assert!(site.get("/a").await.is("MISS", "v1"));
    clock.advance(secs(3600));
    for page in all(at_once(&site, "/a", 20)).await {
        assert_eq!(page.summary(), ("STALE".into(), "v1".into()));
        assert_eq!(page.cache_status(), "Larder; hit; ttl=0; detail=\"memory, stale-while-revalidate\"");
        assert_eq!(page.field("age"), "3600");
    }
    clock.advance(secs(29));
    let last = site.get("/a").await;
    assert_eq!(last.cache_status(), "Larder; hit; ttl=-29; detail=\"memory, stale-while-revalidate\"");
    assert_eq!(origin.calls(), 2, "one refreshes for all");
    gate.open();
    stored(&cache, 2).await;
    assert!(site.get("/a").await.is("HIT", "v2"));
}

/// A request for a response that is being refreshed takes a shorter path than the first one. It
/// gets the same, in every form, more than once in a second, and it counts.
#[tokio::test]
async fn each_form_of_a_response_is_served_while_it_is_refreshed() {
    let (cache, _clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => Answer::ok("first").header("etag", "\"v1\""),
            _ => Answer::ok("second").header("etag", "\"v2\"").held_at(&gate),
        }
    });
    let policy = hourly().stale_while_revalidate(secs(30)).tag("thing");
    let site = site(&cache, policy, &origin).await;
    let head = || site.ask(Method::HEAD, "/a").send();
    let known = || site.ask(Method::GET, "/a").with("if-none-match", "\"v1\"").send();
    // The fields of hits are remembered for a second, and those of a stale response are others.
    assert!(site.get("/a").await.is("MISS", "first"));
    for _ in 0..4 {
        assert!(site.get("/a").await.is("HIT", "first"));
        assert!(head().await.is("HIT", ""));
        assert!(known().await.is("HIT", ""));
    }
    let fresh = cache.stats().routes[0].bytes_served;
    let _ = cache.invalidate(Invalidation::tag("thing").soft()).await;
    for round in 0..4 {
        let whole = site.get("/a").await;
        assert!(whole.is("STALE", "first"), "{round}");
        assert_eq!([whole.field("content-length"), whole.field("age")], ["5", "0"]);
        let head = head().await;
        assert!(head.is("STALE", ""), "{round}");
        assert_eq!([head.field("content-length"), head.field("age")], ["5", "0"]);
        let known = known().await;
        assert!(known.is("STALE", ""), "{round}");
        assert_eq!(known.status, StatusCode::NOT_MODIFIED);
        assert_eq!(known.field("etag"), "\"v1\"");
        let part = site.ask(Method::GET, "/a").with("range", "bytes=0-1").send().await;
        assert!(part.is("STALE", "fi"), "{round}");
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        let all = [&whole, &head, &known, &part].map(|page| page.cache_status().to_owned());
        assert_eq!(all[0], "Larder; hit; ttl=3600; detail=\"memory, stale-while-revalidate\"");
        assert!(all.iter().all(|status| *status == all[0]), "{all:?}");
    }
    assert_eq!(origin.calls(), 2);
    let route = &cache.stats().routes[0];
    assert_eq!(route.stale.values().sum::<u64>(), 16);
    assert_eq!(route.bytes_served, fresh + 16 * 5);
    assert!(route.times["stale"].count() > 0);

    gate.open();
    stored(&cache, 2).await;
    assert!(site.get("/a").await.is("HIT", "second"));
    assert!(known().await.is("HIT", "second"), "the client has the first one");
}

#[tokio::test]
async fn beyond_its_window_it_is_not_served() {
    for (policy, control) in
        [(30, None), (30, Some("max-age=3600")), (5, Some("max-age=3600, stale-while-revalidate=30"))]
    {
        let (cache, clock) = cache();
        let origin = Origin::new(move |_, call| {
            let answer = Answer::ok(format!("v{call}"));
            control.map_or(answer.clone(), |control| answer.header("cache-control", control))
        });
        let site = site(&cache, hourly().stale_while_revalidate(secs(policy)), &origin).await;
        assert!(site.get("/a").await.is("MISS", "v1"));
        clock.advance(secs(3630));
        assert!(site.get("/a").await.is("MISS", "v2"), "{control:?}");
    }
    for control in
        ["max-age=3600, must-revalidate", "s-maxage=3600", "max-age=3600, stale-while-revalidate=0"]
    {
        let (cache, clock) = cache();
        let origin =
            Origin::new(move |_, call| Answer::ok(format!("v{call}")).header("cache-control", control));
        let site = site(&cache, hourly().stale_while_revalidate(secs(30)), &origin).await;
        assert!(site.get("/a").await.is("MISS", "v1"));
        clock.advance(secs(3600));
        assert!(site.get("/a").await.is("MISS", "v2"), "{control}");
    }
}

#[tokio::test]
async fn a_soft_invalidation_counts_as_the_end_of_the_lifetime() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            2 => Answer::ok("v2").held_at(&gate),
            _ => Answer::ok(format!("v{call}")),
        }
    });
    let policy = hourly().stale_while_revalidate(secs(30)).tag("thing");
    let site = site(&cache, policy, &origin).await;
    assert!(site.get("/a").await.is("MISS", "v1"));
    let _ = cache.invalidate(Invalidation::tag("thing").soft()).await;
    assert!(site.get("/a").await.is("STALE", "v1"));
    assert!(site.get("/a").await.is("STALE", "v1"));
    gate.open();
    stored(&cache, 2).await;
    assert!(site.get("/a").await.is("HIT", "v2"));
    assert_eq!(origin.calls(), 2);

    // The window begins with the invalidation.
    let _ = cache.invalidate(Invalidation::tag("thing").soft()).await;
    clock.advance(secs(30));
    assert!(site.get("/a").await.is("MISS", "v3"));

    // A hard invalidation after a soft one is hard.
    let _ = cache.invalidate(Invalidation::tag("thing").soft()).await;
    let _ = cache.invalidate(Tag::new("thing")).await;
    assert!(site.get("/a").await.is("MISS", "v4"));
    // And a soft one after a hard one does not restore anything.
    let _ = cache.invalidate(Tag::new("thing")).await;
    let _ = cache.invalidate(Invalidation::tag("thing").soft()).await;
    assert!(site.get("/a").await.is("MISS", "v5"));
}

/// Without a window, a soft invalidation is a hard one.
#[tokio::test]
async fn a_soft_invalidation_without_a_window_is_a_miss() {
    let (cache, _) = cache();
    let origin = Origin::new(|_, call| Answer::ok(format!("v{call}")));
    let site = site(&cache, hourly().tag("thing"), &origin).await;
    assert!(site.get("/a").await.is("MISS", "v1"));
    let _ = cache.invalidate(Invalidation::tag("thing").soft()).await;
    let page = site.get("/a").await;
    assert!(page.is("MISS", "v2"));
    assert_eq!(page.cache_status(), "Larder; fwd=stale; fwd-status=200; stored; detail=invalidated");
}

/// A refresh that began before a hard invalidation does not restore the old response.
#[tokio::test]
async fn a_refresh_does_not_outlive_an_invalidation() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            2 => Answer::ok("v1 again").held_at(&gate),
            _ => Answer::ok(format!("v{call}")),
        }
    });
    let site = site(&cache, hourly().stale_while_revalidate(secs(30)).tag("thing"), &origin).await;
    assert!(site.get("/a").await.is("MISS", "v1"));
    clock.advance(secs(3600));
    assert!(site.get("/a").await.is("STALE", "v1"));
    soon("the refresh", gate.arrived(1)).await;
    let _ = cache.invalidate(Tag::new("thing")).await;
    gate.open();
    assert!(site.get("/a").await.is("MISS", "v3"));
    assert!(site.get("/a").await.is("HIT", "v3"));
}

#[tokio::test]
async fn a_failing_handler_is_stood_in_for() {
    for status in [500, 502, 503, 504] {
        let (cache, clock) = cache();
        let origin = Origin::new(move |_, call| match call {
            2..=3 => Answer::status(StatusCode::from_u16(status).unwrap()),
            _ => Answer::ok(format!("v{call}")),
        });
        let site = Arc::new(site(&cache, hourly().stale_if_error(secs(600)), &origin).await);
        assert!(site.get("/a").await.is("MISS", "v1"));
        clock.advance(secs(3700));
        let page = site.get("/a").await;
        assert_eq!((page.status, page.summary()), (StatusCode::OK, ("STALE".into(), "v1".into())));
        let summary =
            format!("Larder; fwd=stale; fwd-status={status}; ttl=-100; detail=\"memory, stale-if-error\"");
        assert_eq!(page.cache_status(), summary);
        let head = site.ask(Method::HEAD, "/a").send().await;
        assert_eq!((head.status, head.x_cache().as_str()), (StatusCode::OK, "STALE"), "HEAD");
        // Beyond its window, the client gets the failure.
        clock.advance(secs(500));
        assert_eq!(site.get("/a").await.status.as_u16(), status);
        assert!(site.get("/a").await.is("MISS", "v4"));
    }
}

#[tokio::test]
async fn one_failure_is_enough_for_all_who_wait() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => Answer::ok("v1"),
            _ => Answer::status(StatusCode::SERVICE_UNAVAILABLE).held_at(&gate),
        }
    });
    let (site, door) = site_behind_door(&cache, hourly().stale_if_error(secs(600)), &origin).await;
    site.get("/a").await;
    door.came(1).await;
    clock.advance(secs(3600));
    let waiting = at_once(&site, "/a", 30);
    door.came(30).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.is("STALE", "v1")));
    assert_eq!(origin.calls(), 2);
}

/// A response that is not a failure is returned. A response that forbids stale use is not used.
#[tokio::test]
async fn not_every_answer_is_stood_in_for() {
    for (control, status) in [
        (None, 404),
        (None, 403),
        (None, 429),
        (None, 501),
        (Some("max-age=3600, must-revalidate"), 500),
        (Some("max-age=3600, stale-if-error=0"), 500),
        (Some("no-cache"), 500),
    ] {
        let (cache, clock) = cache();
        let origin = Origin::new(move |_, call| {
            if call > 1 {
                return Answer::status(StatusCode::from_u16(status).unwrap());
            }
            let answer = Answer::ok("v1").header("etag", "\"a\"");
            control.map_or(answer.clone(), |control| answer.header("cache-control", control))
        });
        let site = site(&cache, hourly().stale_if_error(secs(600)), &origin).await;
        assert_eq!(site.get("/a").await.text(), "v1");
        clock.advance(secs(3600));
        assert_eq!(site.get("/a").await.status.as_u16(), status, "{control:?}");
    }
}

/// After a hard invalidation the response is gone, even while the handler fails.
#[tokio::test]
async fn an_invalidated_response_does_not_stand_in() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => Answer::ok("v1"),
            2 => Answer::status(StatusCode::INTERNAL_SERVER_ERROR).held_at(&gate),
            _ => Answer::status(StatusCode::INTERNAL_SERVER_ERROR),
        }
    });
    let site = Arc::new(site(&cache, hourly().stale_if_error(secs(600)).tag("thing"), &origin).await);
    site.get("/a").await;
    clock.advance(secs(3600));
    let failing = at_once(&site, "/a", 1);
    soon("the failing call", gate.arrived(1)).await;
    let _ = cache.invalidate(Tag::new("thing")).await;
    gate.open();
    assert_eq!(all(failing).await[0].status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(site.get("/a").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

/// An error of the service counts as a failure, too.
#[tokio::test]
async fn an_error_of_the_service_is_stood_in_for() {
    let (cache, clock) = cache();
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let service = tower::service_fn({
        let calls = Arc::clone(&calls);
        move |_: http::Request<hyper::body::Incoming>| {
            let call = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move {
                if call > 0 {
                    return Err("no database");
                }
                Ok(http::Response::new(http_body_util::Full::new(bytes::Bytes::from("v1"))))
            }
        }
    });
    let site = Site::of_service(cache.layer(hourly().stale_if_error(secs(60))).layer(service)).await;
    assert!(site.get("/a").await.is("MISS", "v1"));
    clock.advance(secs(3600));
    assert!(site.get("/a").await.is("STALE", "v1"));
    clock.advance(secs(60));
    assert!(site.ask(Method::GET, "/a").head().await.is_err());
}
