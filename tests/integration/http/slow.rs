//! A handler that is slow, panics, or answers with a status that the policy calls a failure.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use larder::{Cache, Invalidation, Policy, Tag};
use larder_testing::{Answer, Gate, MemoryStore, Origin};
use larder_tests::http::{Site, soon};

use crate::support::{all, at_once, cache, hourly, secs, site, site_behind_door, stored};

/// Short, so that the tests are fast. The handler waits at a gate, so its speed does not matter.
const SOFT_LIMIT: Duration = Duration::from_millis(20);

fn patient() -> Policy {
    hourly().stale_if_error(secs(600)).serve_stale_after(SOFT_LIMIT)
}

/// Answers the first call at once, and holds the others.
fn slow(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::new(move |_, call| {
        let answer = Answer::ok(format!("v{call}"));
        if call == 1 { answer } else { answer.held_at(&gate) }
    })
}

#[tokio::test]
async fn a_slow_handler_is_stood_in_for_and_its_response_is_stored() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = slow(&gate);
    let site = Arc::new(site(&cache, patient(), &origin).await);
    site.get("/a").await;
    clock.advance(secs(3700));
    let pages = all(at_once(&site, "/a", 20)).await;
    for page in &pages {
        assert!(page.is("STALE", "v1"));
        assert!(page.cache_status().contains("detail=\"memory, slow-handler\""), "{}", page.cache_status());
        assert_eq!(page.field("age"), "3700");
    }
    // Later requests do not wait for the limit again, and there is still one run.
    clock.advance(SOFT_LIMIT);
    assert!(site.get("/a").await.is("STALE", "v1"));
    assert_eq!(origin.calls(), 2);
    gate.open();
    stored(&cache, 2).await;
    assert!(site.get("/a").await.is("HIT", "v2"));
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn a_handler_within_the_limit_is_waited_for() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let policy = hourly().stale_if_error(secs(600)).serve_stale_after(secs(25));
    let (site, door) = site_behind_door(&cache, policy, &slow(&gate)).await;
    site.get("/a").await;
    door.came(1).await;
    clock.advance(secs(3600));
    let waiting = at_once(&site, "/a", 5);
    door.came(5).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.is("MISS", "v2")));
}

/// Without a stale response, beyond its window, and after an invalidation, the handler is waited
/// for.
#[tokio::test]
async fn only_a_response_that_may_be_used_on_error_is_served() {
    for case in ["nothing stored", "no window", "beyond the window", "invalidated", "must-revalidate"] {
        let (cache, clock) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |_, call| {
                let answer = Answer::ok(format!("v{call}"));
                let answer = match case {
                    "must-revalidate" => answer.header("cache-control", "max-age=3600, must-revalidate"),
                    _ => answer,
                };
                if call == 1 { answer } else { answer.held_at(&gate) }
            }
        });
        let policy = match case {
            "no window" => hourly().serve_stale_after(SOFT_LIMIT),
            _ => patient(),
        };
        let (site, door) = site_behind_door(&cache, policy.tag("thing"), &origin).await;
        site.get("/other").await;
        door.came(1).await;
        let path = if case == "nothing stored" { "/a" } else { "/other" };
        clock.advance(secs(if case == "beyond the window" { 4200 } else { 3600 }));
        if case == "invalidated" {
            let _ = cache.invalidate(Tag::new("thing")).await;
        }
        let waiting = at_once(&site, path, 3);
        door.came(3).await;
        tokio::time::sleep(5 * SOFT_LIMIT).await;
        assert!(waiting.iter().all(|page| !page.is_finished()), "{case}");
        gate.open();
        assert!(all(waiting).await.iter().all(|page| page.is("MISS", "v2")), "{case}");
    }
}

/// The stale response is checked at the moment when it is served.
#[tokio::test]
async fn an_invalidation_during_the_wait_counts() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let policy = hourly().stale_if_error(secs(600)).serve_stale_after(Duration::from_millis(500));
    let (site, door) = site_behind_door(&cache, policy.tag("thing"), &slow(&gate)).await;
    site.get("/a").await;
    door.came(1).await;
    clock.advance(secs(3600));
    let waiting = at_once(&site, "/a", 3);
    door.came(3).await;
    soon("the run", gate.arrived(1)).await;
    let _ = cache.invalidate(Tag::new("thing")).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(waiting.iter().all(|page| !page.is_finished()));
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.text() == "v2"));
}

/// A `HEAD` and a response that is never fresh have no flight.
#[tokio::test]
async fn a_run_without_followers_has_the_limit_too() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = slow(&gate);
    let site = site(&cache, patient(), &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    let head = site.ask(Method::HEAD, "/a").send().await;
    assert_eq!((head.status, head.x_cache().as_str()), (StatusCode::OK, "STALE"));
    gate.open();
}

#[tokio::test]
async fn a_panic_is_a_failure_for_which_a_stale_response_stands_in() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, call| match call {
        1 => Answer::ok("v1"),
        2 => Answer::panicking("on purpose"),
        _ => Answer::ok("v3"),
    });
    let site = site(&cache, hourly().stale_if_error(secs(600)), &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    assert!(site.get("/a").await.is("STALE", "v1"));
    assert!(site.get("/a").await.is("STALE", "v1"));
    assert_eq!(origin.calls(), 2, "it is not asked by every request");
    clock.advance(secs(1));
    assert!(site.get("/a").await.is("MISS", "v3"));
}

#[tokio::test]
async fn the_policy_adds_statuses_that_count_as_failures() {
    for status in [408, 429] {
        for added in [false, true] {
            let (cache, clock) = cache();
            let status = StatusCode::from_u16(status).unwrap();
            let origin = Origin::new(move |_, call| match call {
                2 => Answer::status(status).header("retry-after", "7"),
                _ => Answer::ok(format!("v{call}")),
            });
            let policy = hourly().stale_if_error(secs(600));
            let policy = if added { policy.error_status(status) } else { policy };
            let site = site(&cache, policy, &origin).await;
            site.get("/a").await;
            clock.advance(secs(3600));
            let page = site.get("/a").await;
            if added {
                assert!(page.is("STALE", "v1"));
                clock.advance(secs(6));
                assert!(site.get("/a").await.is("STALE", "v1"));
                clock.advance(secs(1));
            } else {
                assert_eq!(page.status, status);
            }
            assert!(site.get("/a").await.is("MISS", "v3"), "{status} {added}");
        }
    }
}

/// Without a stale response, such a failure is shared like a 503.
#[tokio::test]
async fn an_added_status_is_shared_by_those_who_waited() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::status(StatusCode::TOO_MANY_REQUESTS).held_at(&gate));
    let policy = hourly().error_status(StatusCode::TOO_MANY_REQUESTS);
    let (site, door) = site_behind_door(&cache, policy, &origin).await;
    let waiting = at_once(&site, "/a", 20);
    door.came(20).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.status == StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(origin.calls(), 1);
}

/// An instance waits for the handler of another one, which is slow.
#[tokio::test]
async fn a_slow_handler_of_another_instance_is_stood_in_for_too() {
    let (store, gate) = (MemoryStore::new(), Gate::new());
    let origin = slow(&gate);
    let instance = async || {
        let cache = Cache::builder().shared_store(store.clone()).build();
        let site = site(&cache, patient().tag("thing"), &origin).await;
        soon("the log", cache.invalidate(Tag::new("start"))).await.require_applied().unwrap();
        (cache, Arc::new(site))
    };
    let ((_, a), (cache, b)) = (instance().await, instance().await);
    let get = async |site: Arc<Site>| site.ask(Method::GET, "/a").with("host", "shop").send().await;
    assert!(get(Arc::clone(&a)).await.is("MISS", "v1"));
    soon("the write", async {
        while store.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(get(Arc::clone(&b)).await.is("HIT", "v1"));
    let soft = cache.invalidate(Invalidation::tag("thing").soft());
    soon("the event", soft).await.require_applied().unwrap();
    // The other instance reads the event in a moment.
    soon("the event", async { while get(Arc::clone(&a)).await.x_cache() == "HIT" {} }).await;
    soon("the run", gate.arrived(1)).await;
    for site in [&a, &b] {
        let page = get(Arc::clone(site)).await;
        assert!(page.is("STALE", "v1"));
        assert!(page.cache_status().contains("slow-handler"), "{}", page.cache_status());
    }
    assert_eq!(origin.calls(), 2, "one run for both");
    gate.open();
    soon("the response", async { while get(Arc::clone(&b)).await.x_cache() != "HIT" {} }).await;
    assert_eq!(get(b).await.text(), "v2");
}
