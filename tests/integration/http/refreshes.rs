//! The number of simultaneous background refreshes.

use http::Method;
use larder::{Cache, Invalidation, Tag};
use larder_testing::{Answer, Gate, ManualClock, MemoryStore, Origin};
use larder_tests::http::{Site, soon};

use crate::support::{counted, hourly, secs, site, stored};

#[tokio::test]
async fn a_refresh_too_many_is_left_out_and_counted() {
    let cache = Cache::builder().clock(ManualClock::new()).max_concurrent_refreshes(2).build();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1..=4 => Answer::ok("old"),
            _ => Answer::ok("new").held_at(&gate),
        }
    });
    let site = site(&cache, hourly().stale_while_revalidate(secs(60)).tag("thing"), &origin).await;
    let paths = ["/1", "/2", "/3", "/4"];
    for path in paths {
        assert!(site.get(path).await.is("MISS", "old"));
    }
    let _ = cache.invalidate(Invalidation::tag("thing").soft()).await;
    for path in paths {
        assert!(site.get(path).await.is("STALE", "old"), "{path} is still answered");
    }
    soon("two refreshes", gate.arrived(2)).await;
    assert!(site.get("/1").await.is("STALE", "old"), "one is under way: nothing is left out");
    let stats = cache.stats();
    assert_eq!((stats.refreshes, stats.refreshes_skipped), (2, 2));
    assert_eq!(origin.calls(), 6);

    gate.open();
    stored(&cache, 6).await;
    for path in ["/1", "/2"] {
        assert!(site.get(path).await.is("HIT", "new"), "{path}");
    }
    for path in ["/3", "/4"] {
        assert!(site.get(path).await.is("STALE", "old"), "{path}");
        counted(&cache, |stats| stats.stored >= stats.refreshes + 4).await;
        assert!(site.get(path).await.is("HIT", "new"), "{path}: there is room again");
    }
    let stats = cache.stats();
    assert_eq!((stats.refreshes, stats.refreshes_skipped), (4, 2));
}

/// A handler that fails or panics releases its slot.
#[tokio::test]
async fn a_refresh_that_fails_gives_its_place_back() {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).max_concurrent_refreshes(1).build();
    let origin = Origin::new(|_, call| match call {
        1 => Answer::ok("v1"),
        2 => Answer::panicking("on purpose"),
        3 => Answer::status(http::StatusCode::BAD_GATEWAY),
        _ => Answer::ok("v4"),
    });
    let policy = hourly().stale_while_revalidate(secs(60)).retry_after_error(secs(0));
    let site = site(&cache, policy, &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    soon("three refreshes", async {
        while origin.calls() < 4 {
            assert!(site.get("/a").await.is("STALE", "v1"));
        }
    })
    .await;
    stored(&cache, 2).await;
    assert!(site.get("/a").await.is("HIT", "v4"));
    assert_eq!(cache.stats().refreshes_skipped, 0);
}

#[test]
#[should_panic(expected = "refreshes 0: a limit of zero lets nothing through")]
fn none_at_all_cannot_be_right() {
    let _ = Cache::builder().max_concurrent_refreshes(0).build();
}

/// A refresh that waits for another instance leaves its permit to others. If too many wait, the
/// other instance refreshes the response alone.
#[tokio::test]
async fn a_refresh_that_waits_for_another_instance_holds_up_no_other() {
    let (store, gate) = (MemoryStore::new(), Gate::new());
    let instance = async |limit, held: bool| {
        let cache = Cache::builder().shared_store(store.clone()).max_concurrent_refreshes(limit).build();
        let gate = gate.clone();
        let origin = Origin::new(move |request, call| {
            let answer = Answer::ok(format!("{} {call}", request.uri.path()));
            if held && call > 3 { answer.held_at(&gate) } else { answer }
        });
        let policy = hourly().stale_while_revalidate(secs(60)).tag("thing");
        let site = site(&cache, policy, &origin).await;
        soon("the log", cache.invalidate(Tag::new("start"))).await.require_applied().unwrap();
        (cache, origin, site)
    };
    let (slow, slow_origin, slow_site) = instance(8, true).await;
    let (cache, origin, site) = instance(1, false).await;
    let get = async |site: &Site, path: &str| site.ask(Method::GET, path).with("host", "shop").send().await;
    let paths = ["/1", "/2", "/3"];
    for path in paths {
        get(&slow_site, path).await;
        soon("a hit", async { while get(&site, path).await.x_cache() != "HIT" {} }).await;
    }
    assert_eq!((slow_origin.calls(), origin.calls()), (3, 0));
    let soft = cache.invalidate(Invalidation::tag("thing").soft());
    soon("the event", soft).await.require_applied().unwrap();
    for path in &paths[..2] {
        soon("the event", async { while get(&slow_site, path).await.x_cache() == "HIT" {} }).await;
    }
    soon("the refreshes of the other instance", gate.arrived(2)).await;

    assert_eq!(get(&site, "/1").await.x_cache(), "STALE");
    counted(&cache, |stats| stats.leases_awaited == 1).await;
    // The only permit is free again. The second refresh has none to wait with, and ends.
    assert_eq!(get(&site, "/2").await.x_cache(), "STALE");
    counted(&cache, |stats| stats.refreshes_skipped == 1).await;
    assert_eq!(cache.stats().leases_awaited, 1);
    // The handlers of this instance run meanwhile.
    assert_eq!(get(&site, "/3").await.x_cache(), "STALE");
    soon("a refresh", async { while origin.calls() == 0 {} }).await;
    soon("the response", async { while !get(&site, "/3").await.is("HIT", "/3 1") {} }).await;

    gate.open();
    for path in &paths[..2] {
        soon("the response", async { while get(&site, path).await.x_cache() != "HIT" {} }).await;
    }
    assert_eq!((slow_origin.calls(), origin.calls()), (5, 1), "each response is refreshed once");
    assert_eq!(slow.stats().refreshes_skipped, 0);
}

/// When the lease is free, a refresh that has waited for it needs the place of one that runs.
#[tokio::test]
async fn a_refresh_that_has_waited_runs_only_within_the_limit() {
    let (store, failing, running) = (MemoryStore::new(), Gate::new(), Gate::new());
    let instance = async |origin: &Origin| {
        let cache = Cache::builder().shared_store(store.clone()).max_concurrent_refreshes(1).build();
        let policy = hourly().stale_while_revalidate(secs(60)).tag("thing");
        let site = site(&cache, policy, origin).await;
        soon("the log", cache.invalidate(Tag::new("start"))).await.require_applied().unwrap();
        (cache, site)
    };
    let other = Origin::new({
        let failing = failing.clone();
        move |_, call| match call {
            1 | 2 => Answer::ok("old"),
            _ => Answer::panicking("in a refresh").held_at(&failing),
        }
    });
    let own = Origin::always(Answer::ok("new").held_at(&running));
    let (_other_cache, other_site) = instance(&other).await;
    let (cache, site) = instance(&own).await;
    let get = async |site: &Site, path: &str| site.ask(Method::GET, path).with("host", "shop").send().await;
    for path in ["/1", "/2"] {
        get(&other_site, path).await;
        soon("a hit", async { while get(&site, path).await.x_cache() != "HIT" {} }).await;
    }
    let soft = cache.invalidate(Invalidation::tag("thing").soft());
    soon("the event", soft).await.require_applied().unwrap();
    soon("the event", async { while get(&other_site, "/1").await.x_cache() != "STALE" {} }).await;
    soon("the refresh of the other instance", failing.arrived(1)).await;
    assert_eq!(get(&site, "/1").await.x_cache(), "STALE");
    counted(&cache, |stats| stats.leases_awaited == 1).await;
    assert_eq!(get(&site, "/2").await.x_cache(), "STALE");
    soon("the refresh that runs", running.arrived(1)).await;
    failing.open();
    counted(&cache, |stats| stats.refreshes_skipped == 1 || own.calls() == 2).await;
    assert_eq!(own.calls(), 1);
    running.open();
}
