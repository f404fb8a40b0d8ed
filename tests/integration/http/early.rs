//! Early refresh: a hit shortly before the end of a lifetime may start a refresh, and no request
//! waits.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use larder::{Cache, Policy, Tag};
use larder_testing::{Answer, Gate, ManualClock, Origin};
use larder_tests::http::{Site, soon};

use crate::support::{all, at_once, cache, hourly, secs, site, stored};

/// The duration of the first run, by the clock of the test.
const COST: Duration = secs(60);

/// Returns an origin whose first run takes a minute. `later` answers the later runs.
fn costly(clock: &ManualClock, later: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Origin {
    let clock = clock.clone();
    Origin::new(move |_, call| match call {
        1 => {
            clock.advance(COST);
            Answer::ok("v1").header("etag", "\"1\"").header("cache-control", "public")
        }
        call => later(call),
    })
}

/// Returns a policy that refreshes with almost certainty on a hit in the last millisecond. It fails
/// once in fifty million.
fn eager() -> Policy {
    hourly().early_refresh(1000.0).tag("thing")
}

/// Returns a site whose `/a` is stored and expires in a millisecond.
async fn nearly_stale(cache: &Cache, clock: &ManualClock, policy: Policy, origin: &Origin) -> Arc<Site> {
    let site = Arc::new(site(cache, policy, origin).await);
    assert!(site.get("/a").await.is("MISS", "v1"));
    clock.advance(secs(3600) - COST - Duration::from_millis(1));
    site
}

#[tokio::test]
async fn one_hit_refreshes_and_all_are_answered_at_once() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = costly(&clock, {
        let gate = gate.clone();
        move |call| Answer::ok(format!("v{call}")).held_at(&gate)
    });
    let site = nearly_stale(&cache, &clock, eager(), &origin).await;
    for page in all(at_once(&site, "/a", 20)).await {
        assert_eq!(page.summary(), ("HIT".into(), "v1".into()));
        assert_eq!(page.cache_status(), "Larder; hit; ttl=1; detail=memory");
    }
    soon("the refresh", gate.arrived(1)).await;
    assert!(site.get("/a").await.is("HIT", "v1"));
    gate.open();
    stored(&cache, 2).await;
    let page = site.get("/a").await;
    assert!(page.is("HIT", "v2"));
    assert_eq!(page.cache_status(), "Larder; hit; ttl=3600; detail=memory");
    assert_eq!(origin.calls(), 2);
    let stats = cache.stats();
    assert_eq!((stats.refreshes, stats.refreshes_skipped), (1, 0));
    assert_eq!((stats.hits(), stats.misses.values().sum::<u64>()), (22, 1), "a refresh is no request");
}

#[tokio::test]
async fn without_it_or_far_from_the_end_nothing_is_refreshed() {
    for (policy, left) in [
        (eager().early_refresh(0.0), Duration::from_millis(1)),
        // Slightly more than twenty times its cost.
        (hourly(), 20 * COST + secs(1)),
    ] {
        let (cache, clock) = cache();
        let origin = costly(&clock, |call| Answer::ok(format!("v{call}")));
        let site = site(&cache, policy, &origin).await;
        site.get("/a").await;
        clock.advance(secs(3600) - COST - left);
        for _ in 0..100 {
            assert!(site.get("/a").await.is("HIT", "v1"));
        }
        assert_eq!((origin.calls(), cache.stats().refreshes), (1, 0), "{left:?}");
    }
}

/// A response without cost can be filled just as quickly on demand.
#[tokio::test]
async fn a_response_that_cost_nothing_is_not_refreshed() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, call| Answer::ok(format!("v{call}")));
    let site = site(&cache, eager(), &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600) - Duration::from_millis(1));
    assert!(site.get("/a").await.is("HIT", "v1"));
    assert_eq!(cache.stats().refreshes, 0);
}

/// A response to `HEAD` or to a request with credentials could not be stored, and one to `no-store`
/// should not be.
#[tokio::test]
async fn a_request_whose_response_would_not_be_stored_refreshes_nothing() {
    let (cache, clock) = cache();
    let origin = costly(&clock, |call| Answer::ok(format!("v{call}")));
    let site = nearly_stale(&cache, &clock, eager().honor_request_directives(), &origin).await;
    assert_eq!(site.ask(Method::HEAD, "/a").send().await.x_cache(), "HIT");
    for (name, value) in [("authorization", "Basic eA=="), ("cookie", "a=b"), ("cache-control", "no-store")] {
        let page = site.ask(Method::GET, "/a").with(name, value).send().await;
        assert!(page.is("HIT", "v1"), "{name}: {:?}", page.summary());
    }
    assert_eq!((origin.calls(), cache.stats().refreshes), (1, 0));
    assert_eq!(site.ask(Method::GET, "/a").with("if-none-match", "\"1\"").send().await.status, 304);
    stored(&cache, 2).await;
    let asked = &origin.requests()[1];
    assert_eq!(asked.headers["if-none-match"], "\"1\"", "it is validated");
    assert!(site.get("/a").await.is("HIT", "v2"));
}

#[tokio::test]
async fn a_response_that_is_confirmed_is_fresh_again() {
    let (cache, clock) = cache();
    let origin = costly(&clock, |_| Answer::status(StatusCode::NOT_MODIFIED).header("etag", "\"1\""));
    let site = nearly_stale(&cache, &clock, eager(), &origin).await;
    assert!(site.get("/a").await.is("HIT", "v1"));
    stored(&cache, 2).await;
    clock.advance(secs(1));
    let page = site.get("/a").await;
    assert!(page.is("HIT", "v1"));
    assert_eq!(page.cache_status(), "Larder; hit; ttl=3599; detail=memory");
}

/// A failed refresh does not remove the response.
#[tokio::test]
async fn a_refresh_that_fails_leaves_what_is_fresh() {
    for answer in [
        Answer::status(StatusCode::SERVICE_UNAVAILABLE),
        Answer::status(StatusCode::TOO_MANY_REQUESTS),
        Answer::ok("no").header("cache-control", "no-store"),
        Answer::panicking("on purpose"),
    ] {
        let (cache, clock) = cache();
        let origin = costly(&clock, move |_| answer.clone());
        let policy = eager().retry_after_error(secs(0));
        let site = nearly_stale(&cache, &clock, policy, &origin).await;
        for refreshes in 1..4 {
            soon("another refresh", async {
                while cache.stats().refreshes < refreshes {
                    assert!(site.get("/a").await.is("HIT", "v1"));
                }
            })
            .await;
        }
        assert!(site.get("/a").await.is("HIT", "v1"));
    }
}

#[tokio::test]
async fn an_early_refresh_does_not_outlive_an_invalidation() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = costly(&clock, {
        let gate = gate.clone();
        move |call| match call {
            2 => Answer::ok("v1 again").held_at(&gate),
            _ => Answer::ok(format!("v{call}")),
        }
    });
    let site = nearly_stale(&cache, &clock, eager(), &origin).await;
    assert!(site.get("/a").await.is("HIT", "v1"));
    soon("the refresh", gate.arrived(1)).await;
    let _ = cache.invalidate(Tag::new("thing")).await;
    gate.open();
    assert!(site.get("/a").await.is("MISS", "v3"));
    stored(&cache, 3).await;
    assert!(site.get("/a").await.is("HIT", "v3"));
}
