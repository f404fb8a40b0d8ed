//! The lifetimes for browsers and CDNs in each kind of response.

use http::{Method, StatusCode};
use larder::{Cache, Downstream, Policy};
use larder_testing::{Answer, Gate, MemoryStore, Origin, Step};
use larder_tests::http::soon;

use crate::downstream::{ETAG, REQUESTS, ask, get, lifetimes, page, times, usable};
use crate::support::{all, at_once, cache, hourly, secs, site, site_behind_door};

fn failure() -> Answer {
    Answer::status(StatusCode::SERVICE_UNAVAILABLE)
}

/// While a response is fresh, its stale windows count. A stale one is asked for again.
#[tokio::test]
async fn stale_windows_count_until_the_response_is_stale() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, call| if call == 1 { page() } else { failure() });
    let policy = Policy::ttl(secs(100)).jitter(0.0).stale_if_error(secs(200)).downstream(times());
    let site = site(&cache, policy, &origin).await;
    for (wait, x_cache, expected) in [
        (0, "MISS", [60, 300, 300]),
        (90, "HIT", [60, 210, 210]),
        (10, "STALE", [0; 3]),
        (60, "STALE", [0; 3]),
    ] {
        clock.advance(secs(wait));
        for (method, fields, _) in REQUESTS {
            let page = ask(&site, method.clone(), fields).await;
            let x_cache = if page.x_cache() == "HIT" && wait == 0 { "HIT" } else { x_cache };
            assert_eq!((page.x_cache().as_str(), usable(&page)), (x_cache, expected), "{method} {fields:?}");
        }
        let page = get(&site).await;
        assert!(x_cache != "STALE" || page.field("cache-control") == "max-age=0");
    }
}

#[tokio::test]
async fn a_response_that_is_being_refreshed_is_stale() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| if call == 1 { page() } else { page().held_at(&gate) }
    });
    let policy = hourly().stale_while_revalidate(secs(100)).downstream(times());
    let site = site(&cache, policy, &origin).await;
    get(&site).await;
    clock.advance(secs(3601));
    let stale = get(&site).await;
    assert_eq!((stale.x_cache().as_str(), usable(&stale)), ("STALE", [0; 3]));
    gate.open();
    soon("the refresh", async { while get(&site).await.x_cache() != "HIT" {} }).await;
    assert_eq!(usable(&get(&site).await), [60, 600, 300]);
}

/// A validated response counts as one that has just arrived.
#[tokio::test]
async fn a_confirmed_response_has_the_lifetimes_of_a_new_one() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, _| match request.headers.get("if-none-match") {
        Some(_) => Answer::status(StatusCode::NOT_MODIFIED).header("etag", ETAG),
        None => page().header("cache-control", "max-age=30, public"),
    });
    let site = site(&cache, hourly().downstream(times()), &origin).await;
    get(&site).await;
    clock.advance(secs(3600));
    for (wait, x_cache) in [(0, "MISS"), (100, "HIT")] {
        clock.advance(secs(wait));
        let page = get(&site).await;
        assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (200, x_cache));
        assert_eq!(usable(&page), [30, 600, 300]);
        assert!(page.field("cache-control").ends_with(", public"));
    }
    assert_eq!(origin.calls(), 2);
}

/// RFC 9110 §9.3.2: a response to `HEAD` has the fields of a response to `GET`.
#[tokio::test]
async fn head_has_the_same_lifetimes_on_a_miss() {
    let (cache, _) = cache();
    let origin = Origin::always(page().header("cache-control", "max-age=5"));
    let site = site(&cache, hourly().downstream(times()), &origin).await;
    for _ in 0..2 {
        let head = ask(&site, Method::HEAD, &[]).await;
        assert_eq!((head.x_cache().as_str(), usable(&head)), ("MISS", [5, 600, 300]));
    }
    assert_eq!(usable(&get(&site).await), [5, 600, 300]);
}

/// The time that the handler takes is part of the age, which no field of a miss states.
#[tokio::test]
async fn followers_and_slow_handlers_keep_within_the_lifetime() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| page().held_at(&gate)
    });
    let policy = Policy::ttl(secs(100)).jitter(0.0).downstream(times());
    let (site, door) = site_behind_door(&cache, policy, &origin).await;
    let tasks = at_once(&site, "/a", 10);
    door.came(10).await;
    clock.advance(secs(30));
    gate.open();
    let pages = all(tasks).await;
    assert_eq!(pages.iter().filter(|page| page.field("age") == "30").count(), 9, "followers");
    for page in pages {
        assert_eq!(usable(&page), [60, 70, 70], "{}", page.cache_status());
    }
}

#[tokio::test]
async fn a_streamed_response_has_its_lifetimes_before_its_end() {
    for length in [false, true] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |_, _| {
                let answer = page().steps([Step::data("pa"), Step::Hold(gate.clone()), Step::data("ge")]);
                if length { answer.header("content-length", "4") } else { answer }
            }
        });
        let (site, door) = site_behind_door(&cache, hourly().downstream(times()), &origin).await;
        let tasks = at_once(&site, "/a", 2);
        door.came(2).await;
        gate.open();
        for page in all(tasks).await {
            assert_eq!((page.text().as_str(), usable(&page)), ("page", [60, 600, 300]));
        }
    }
}

/// A failure is shared with the requests that wait for it, and is not stored.
#[tokio::test]
async fn a_shared_failure_has_no_lifetimes() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| failure().header("cache-control", "max-age=7").held_at(&gate)
    });
    let (site, door) = site_behind_door(&cache, hourly().downstream(times()), &origin).await;
    let tasks = at_once(&site, "/a", 3);
    door.came(3).await;
    gate.open();
    for page in all(tasks).await {
        assert_eq!((page.status.as_u16(), lifetimes(&page).1), (503, [Some(7), None, None]));
    }
    assert_eq!(origin.calls(), 1);
}

/// A range that cannot be satisfied has nothing of the representation.
#[tokio::test]
async fn a_416_has_no_lifetime() {
    let (cache, _) = cache();
    let site = site(&cache, hourly().downstream(times()), &Origin::always(page())).await;
    for _ in 0..2 {
        get(&site).await;
        let page = ask(&site, Method::GET, &[("range", "bytes=9-")]).await;
        assert_eq!((page.status.as_u16(), lifetimes(&page).1), (416, [None; 3]));
    }
}

/// Responses are stored as the handler made them. Each policy sets its own times.
#[tokio::test]
async fn responses_from_the_shared_tier_have_lifetimes_too() {
    for memory in [0, 1024 * 1024] {
        let (store, origin) =
            (MemoryStore::new(), Origin::always(page().header("cache-control", "max-age=5")));
        let mut sites = Vec::new();
        for downstream in [times(), Downstream::new()] {
            let cache = Cache::builder().shared_store(store.clone()).max_memory_bytes(memory).build();
            let site = site(&cache, hourly().downstream(downstream), &origin).await;
            soon("the log", cache.invalidate(larder::Tag::new("start"))).await.require_applied().unwrap();
            sites.push((site, cache));
        }
        let [(first, _), (second, _)] = &sites[..] else { unreachable!() };
        assert_eq!(usable(&get(first).await), [5, 600, 300]);
        soon("the write", async {
            while store.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let page = get(second).await;
        assert!(page.cache_status().ends_with("detail=shared"), "{}", page.cache_status());
        assert_eq!(page.field("cdn-cache-control"), "");
        assert!(lifetimes(&page).1[0].is_some_and(|max_age| max_age >= 5));
        assert_eq!(usable(&get(first).await), [5, 600, 300], "memory: {memory}");
        assert_eq!(origin.calls(), 1);
    }
}
