//! One fill per key, and no fill outlives an invalidation.

use std::sync::Arc;

use axum::Router;
use http::{Method, StatusCode};
use larder::{Invalidation, Prefix, Tag};
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Page, soon};

use crate::support::{all, at_once, behind_door, cache, hourly, secs, site, site_behind_door};

/// The race that the log exists for: the handler has read v1 and is slow, while v2 is written and
/// invalidated.
#[tokio::test]
async fn a_slow_fill_does_not_outlive_an_invalidation() {
    for what in [
        Invalidation::tag("thing"),
        Invalidation::all(),
        Invalidation::of(Prefix::new("/").unwrap()),
        Invalidation::tag("thing").soft(),
    ] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = Origin::queue([Answer::ok("v1").held_at(&gate), Answer::ok("v2")]);
        let site = Arc::new(site(&cache, hourly().tag("thing"), &origin).await);
        let slow = at_once(&site, "/a", 1);
        soon("the slow fill", gate.arrived(1)).await;

        let _ = cache.invalidate(what.clone()).await;
        gate.open();
        // The request came before the write was complete, so both values are right.
        assert_eq!(all(slow).await[0].text(), "v1", "{what:?}");

        assert_eq!(site.get("/a").await.summary(), ("MISS".into(), "v2".into()), "{what:?}");
        assert_eq!(site.get("/a").await.summary(), ("HIT".into(), "v2".into()), "{what:?}");
        assert_eq!(origin.calls(), 2, "{what:?}");
    }
}

/// Rule 13: the request must not use the flight's response, and need not wait for it.
#[tokio::test]
async fn a_request_after_an_invalidation_does_not_get_what_a_flight_read_before() {
    for soft in [false, true] {
        for vary in [false, true] {
            let (cache, _) = cache();
            let gate = Gate::new();
            let answer = |body| {
                if vary { Answer::ok(body).header("vary", "accept") } else { Answer::ok(body) }
            };
            let origin = Origin::queue([answer("v1").held_at(&gate), answer("v2")]);
            let policy = hourly().tag("thing").stale_while_revalidate(secs(60));
            let site = Arc::new(site(&cache, policy, &origin).await);
            let slow = at_once(&site, "/a", 1);
            soon("the slow fill", gate.arrived(1)).await;
            let what = Invalidation::tag("thing");
            let _ = cache.invalidate(if soft { what.soft() } else { what }).await;

            // The flight continues.
            assert_eq!(site.get("/a").await.summary(), ("MISS".into(), "v2".into()));
            assert_eq!(site.get("/a").await.summary(), ("HIT".into(), "v2".into()));

            gate.open();
            assert_eq!(all(slow).await[0].text(), "v1");
            let after = site.get("/a").await.summary();
            assert_eq!(
                after,
                ("HIT".into(), "v2".into()),
                "the older fill does not replace the newer one: {soft} {vary}"
            );
        }
    }
}

/// Only the handler names the tag, which is known when the flight ends.
#[tokio::test]
async fn a_tag_of_the_handlers_own_counts_for_those_who_waited() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let held = gate.clone();
    let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let handler = move || {
        let (gate, runs) = (held.clone(), Arc::clone(&runs));
        async move {
            let run = 1 + runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if run == 1 {
                gate.pass().await;
            }
            (larder::Tags::from(["secret"]), format!("v{run}"))
        }
    };
    let router = Router::new().route("/a", axum::routing::get(handler).layer(cache.layer(hourly())));
    let (site, door) = behind_door(router).await;
    let mut waiting = at_once(&site, "/a", 1);
    soon("the slow fill", gate.arrived(1)).await;
    waiting.extend(at_once(&site, "/a", 1));
    door.came(2).await;
    let _ = cache.invalidate(Tag::new("secret")).await;
    waiting.extend(at_once(&site, "/a", 1));
    door.came(1).await;
    gate.open();

    let pages = all(waiting).await;
    assert_eq!(pages[2].text(), "v2", "it came after the invalidation");
    assert_eq!(site.get("/a").await.summary(), ("HIT".into(), "v2".into()));
}

/// There are two invalidations during the flight. A request that joins after the second one must
/// not use the outcome of the flight, although no invalidation follows.
#[tokio::test]
async fn every_invalidation_during_a_flight_counts() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => Answer::ok("v1").held_at(&gate),
            _ => Answer::ok("v3"),
        }
    });
    let (site, door) = site_behind_door(&cache, hourly().tag("thing"), &origin).await;
    let mut waiting = at_once(&site, "/a", 1);
    soon("the slow fill", gate.arrived(1)).await;
    door.came(1).await;
    let _ = cache.invalidate(Tag::new("thing")).await;
    waiting.extend(at_once(&site, "/a", 1));
    door.came(1).await;
    let _ = cache.invalidate(Tag::new("thing")).await;
    waiting.extend(at_once(&site, "/a", 1));
    door.came(1).await;
    gate.open();
    assert_eq!(all(waiting).await[2].text(), "v3");
    assert_eq!(site.get("/a").await.text(), "v3");
}

/// An invalidation of another tag does not affect the flight.
#[tokio::test]
async fn an_invalidation_of_something_else_leaves_a_flight_alone() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("v1").held_at(&gate));
    let (site, door) = site_behind_door(&cache, hourly().tag("thing"), &origin).await;
    let mut waiting = at_once(&site, "/a", 3);
    soon("the slow fill", gate.arrived(1)).await;
    door.came(3).await;
    let _ = cache.invalidate(Tag::new("other")).await;
    waiting.extend(at_once(&site, "/a", 3));
    door.came(3).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.is("MISS", "v1")));
    assert_eq!(site.get("/a").await.x_cache(), "HIT");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_requests_at_once_run_the_handler_once() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let waiting = at_once(&site, "/cold", 500);
    door.came(500).await;
    gate.open();
    let pages = all(waiting).await;
    assert!(pages.iter().all(|page| page.is("MISS", "page")));
    assert_eq!(origin.calls(), 1);
    let collapsed = pages.iter().filter(|page| page.cache_status().contains("; collapsed")).count();
    assert_eq!(collapsed, 499);
    let etags: std::collections::BTreeSet<_> = pages.iter().map(|page| page.field("etag")).collect();
    assert_eq!(etags.len(), 1, "{etags:?}");
    let stats = cache.stats();
    assert_eq!((stats.fills, stats.collapsed, stats.stored), (1, 499, 1));
    assert_eq!(site.get("/cold").await.x_cache(), "HIT");
}

#[tokio::test]
async fn a_response_for_one_client_lets_all_others_go_at_once_and_is_remembered() {
    for (name, value) in
        [("cache-control", "private"), ("cache-control", "no-store"), ("set-cookie", "a=b"), ("vary", "*")]
    {
        let (cache, clock) = cache();
        let (first, others) = (Gate::new(), Gate::new());
        let origin = Origin::new({
            let (first, others) = (first.clone(), others.clone());
            move |_, call| {
                let answer = Answer::ok(format!("for {call}")).header(name, value);
                if call == 1 { answer.held_at(&first) } else { answer.held_at(&others) }
            }
        });
        let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
        let waiting = at_once(&site, "/a", 20);
        door.came(20).await;
        assert_eq!(origin.calls(), 1, "{value}");
        first.open();
        // All requests are in the handler at once: none waits for another.
        soon("everybody in the handler", others.arrived(19)).await;
        // This also holds for later requests, because the key is remembered.
        let late = at_once(&site, "/a", 2);
        soon("the late requests", others.arrived(21)).await;
        others.open();
        let mut bodies: Vec<_> = all(waiting).await.iter().map(Page::text).collect();
        bodies.extend(all(late).await.iter().map(Page::text));
        bodies.sort();
        bodies.dedup();
        assert_eq!(bodies.len(), 22, "{value}: everybody has a response of their own");
        let page = site.get("/a").await;
        assert!(page.cache_status().contains("pass"), "{value}: {}", page.cache_status());

        // This lasts only for a short while.
        clock.advance(secs(60));
        assert!(!site.get("/a").await.cache_status().contains("detail=\"pass"), "{value}");
    }
}

/// A client that disconnects does not cancel or repeat the fill.
#[tokio::test]
async fn a_client_that_leaves_does_not_take_the_fill_with_it() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let leader = site.raw("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    soon("the fill", gate.arrived(1)).await;
    let other = Arc::clone(&site);
    let waiter = tokio::spawn(async move { other.ask(Method::GET, "/a").with("host", "a").send().await });
    door.came(2).await;
    drop(leader);
    door.left(1).await;
    gate.open();
    assert_eq!(soon("the waiter", waiter).await.unwrap().text(), "page");
    assert!(site.ask(Method::GET, "/a").with("host", "a").send().await.is("HIT", "page"));
    assert_eq!(origin.calls(), 1);
}

/// The only client of a fill leaves.
#[tokio::test]
async fn a_fill_without_any_client_left_is_stored() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let only = site.raw("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    soon("the fill", gate.arrived(1)).await;
    drop(only);
    door.left(1).await;
    // Another request joins the fill of the client that left.
    let other = Arc::clone(&site);
    let next = tokio::spawn(async move { other.ask(Method::GET, "/a").with("host", "a").send().await });
    door.came(2).await;
    gate.open();
    assert_eq!(soon("the next request", next).await.unwrap().text(), "page");
    assert_eq!(origin.calls(), 1);
    assert_eq!(cache.stats().stored, 1);
}

/// Requests that the cache does not handle run in parallel.
#[tokio::test]
async fn writes_and_ranges_never_wait_for_a_fill() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, _| match (&request.method, request.headers.contains_key("range")) {
            (&Method::GET, false) => Answer::ok("page").held_at(&gate),
            _ => Answer::status(StatusCode::ACCEPTED),
        }
    });
    let (site, _) = site_behind_door(&cache, hourly(), &origin).await;
    let filling = at_once(&site, "/a", 1);
    soon("the fill", gate.arrived(1)).await;
    assert_eq!(site.ask(Method::POST, "/a").send().await.status, StatusCode::ACCEPTED);
    assert_eq!(
        site.ask(Method::GET, "/a").with("range", "bytes=0-1").send().await.status,
        StatusCode::ACCEPTED
    );
    gate.open();
    all(filling).await;
}

/// HEAD is answered from the response to a GET, and waits for it.
#[tokio::test]
async fn a_head_joins_the_flight_of_a_get() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let get = at_once(&site, "/a", 1);
    soon("the fill", gate.arrived(1)).await;
    door.came(1).await;
    let other = Arc::clone(&site);
    let head = tokio::spawn(async move { other.ask(Method::HEAD, "/a").send().await });
    door.came(1).await;
    gate.open();
    let head = soon("the HEAD", head).await.unwrap();
    assert_eq!((head.field("content-length").as_str(), head.text().as_str()), ("4", ""));
    assert_eq!(all(get).await[0].text(), "page");
    assert_eq!(origin.calls(), 1);
}
