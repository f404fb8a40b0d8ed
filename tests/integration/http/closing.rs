//! Closing a cache in memory.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use larder::{Cache, InvalidationOutcome, Tag};
use larder_testing::{Answer, Gate, ManualClock, Origin};
use larder_tests::http::soon;

use crate::support::{at_once, hourly, secs, site};

/// No test waits for this long.
const LONG: Duration = secs(3600);

/// Returns an origin whose first run is answered. The second one waits at the gate.
fn held(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::new(move |_, call| match call {
        2 => Answer::ok("v2").held_at(&gate),
        _ => Answer::ok(format!("v{call}")),
    })
}

#[tokio::test]
async fn a_refresh_under_way_is_waited_for() {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).close_timeout(LONG).build();
    let gate = Gate::new();
    let origin = held(&gate);
    let site = site(&cache, hourly().stale_while_revalidate(LONG), &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    assert!(site.get("/a").await.is("STALE", "v1"));
    soon("the refresh", gate.arrived(1)).await;
    let closing = tokio::spawn({
        let cache = cache.clone();
        async move { cache.close().await }
    });
    gate.open();
    let closed = soon("the end", closing).await.unwrap();
    assert!(closed.is_clean(), "{closed}");
    assert_eq!(cache.stats().stored, 2, "what it brought is stored");
    assert!(site.get("/a").await.is("HIT", "v2"));

    // From now on no refresh begins, and every request is answered.
    clock.advance(secs(3600));
    assert!(site.get("/a").await.is("STALE", "v2"));
    clock.advance(LONG);
    assert!(site.get("/a").await.is("MISS", "v3"));
    assert_eq!((origin.calls(), cache.stats().refreshes), (3, 1));
    assert_eq!(cache.invalidate(Tag::new("any")).await, InvalidationOutcome::Applied);
    assert!(soon("the end again", cache.close()).await.is_clean());
}

/// This includes the fill and the write of a client that has left.
#[tokio::test]
async fn a_fill_or_write_without_its_client_is_waited_for() {
    for method in [Method::GET, Method::PUT] {
        let cache = Cache::builder().clock(ManualClock::new()).close_timeout(LONG).build();
        let gate = Gate::new();
        let origin = held(&gate);
        let site = site(&cache, hourly().tag("thing"), &origin).await;
        site.get("/a").await;
        let path = if method == Method::GET { "/b" } else { "/a" };
        let (host, length) = (site.host(), "Content-Length: 0");
        let client = site.raw(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{length}\r\n\r\n")).await;
        soon("the run", gate.arrived(1)).await;
        drop(client);
        let closing = tokio::spawn({
            let cache = cache.clone();
            async move { cache.close().await }
        });
        gate.open();
        assert!(soon("the end", closing).await.unwrap().is_clean());
        if method == Method::GET {
            assert!(site.get("/b").await.is("HIT", "v2"));
        } else {
            assert!(site.get("/a").await.is("MISS", "v3"), "it was invalidated");
        }
    }
}

#[tokio::test]
async fn a_task_that_does_not_end_is_left_and_reported() {
    let cache = Cache::builder().clock(ManualClock::new()).close_timeout(Duration::from_millis(20)).build();
    let gate = Gate::new();
    let origin = held(&gate);
    let site = Arc::new(site(&cache, hourly(), &origin).await);
    site.get("/a").await;
    let waiting = at_once(&site, "/b", 1);
    soon("the run", gate.arrived(1)).await;
    let closed = soon("the end", cache.close()).await;
    assert_eq!((closed.tasks, closed.invalidations, closed.disconnected), (1, 0, true));
    assert_eq!(closed.to_string(), "left undone: tasks: 1, deferred invalidations: 0");
    gate.open();
    for page in crate::support::all(waiting).await {
        assert!(page.is("MISS", "v2"), "its client is still answered");
    }
}
