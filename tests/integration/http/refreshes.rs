//! The number of simultaneous background refreshes.

use larder::{Cache, Invalidation};
use larder_testing::{Answer, Gate, ManualClock, Origin};
use larder_tests::http::soon;

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
    cache.invalidate(Invalidation::tag("thing").soft()).await;
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
