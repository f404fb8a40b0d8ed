//! Lifetimes of less than a second.

use std::time::Duration;

use axum::Router;
use http::Method;
use larder::time::Clock as _;
use larder::{Cache, CacheFor, Policy};
use larder_testing::{Answer, CacheStatus, ManualClock, MemoryStore, Origin};
use larder_tests::http::{Page, Site, soon};
use tower::Layer as _;

use crate::support::{cache, counted, site};

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn half_a_second() -> Policy {
    Policy::ttl(millis(500)).jitter(0.0)
}

fn counting() -> Origin {
    Origin::new(|_, call| Answer::ok(call.to_string()))
}

#[tokio::test]
async fn a_response_is_fresh_for_as_long_as_the_policy_says() {
    let (cache, clock) = cache();
    let site = site(&cache, half_a_second(), &counting()).await;
    assert_eq!(site.get("/").await.x_cache(), "MISS");
    clock.advance(millis(499));
    let hit = site.get("/").await;
    assert_eq!((hit.x_cache().as_str(), hit.field("age").as_str()), ("HIT", "0"));
    clock.advance(millis(1));
    assert_eq!(site.get("/").await.x_cache(), "MISS");
    assert_eq!(cache.stats().misses.get("expired"), Some(&1));
}

/// `Date` counts whole seconds. The clock of the test is in the middle of one.
#[tokio::test]
async fn a_date_in_the_same_second_does_not_make_it_older() {
    let (cache, clock) = cache();
    clock.advance(millis(1_000 - clock.wall().unix_millis() % 1_000 + 900));
    let date = larder_core::http::date::format(clock.wall());
    let origin = Origin::new(move |_, _| Answer::ok("").header("date", date.clone()));
    let site = site(&cache, half_a_second(), &origin).await;
    assert_eq!(site.get("/").await.x_cache(), "MISS");
    clock.advance(millis(499));
    assert_eq!(site.get("/").await.x_cache(), "HIT");
}

#[tokio::test]
async fn so_are_the_windows_and_the_lifetimes_of_a_handler() {
    let (cache, clock) = cache();
    let policy = half_a_second().stale_while_revalidate(millis(200));
    let site = site(&cache, policy, &counting()).await;
    site.get("/").await;
    clock.advance(millis(699));
    assert_eq!(site.get("/").await.x_cache(), "STALE");
    counted(&cache, |stats| stats.stored == 2).await;
    clock.advance(millis(701));
    assert_eq!(site.get("/").await.x_cache(), "MISS");

    let (cache, clock) = crate::support::cache();
    let handler = || async { (CacheFor::new(millis(50)), "hello") };
    let layer = cache.layer(half_a_second());
    let site = Site::of(Router::new().route("/", axum::routing::get(handler).layer(layer))).await;
    site.get("/").await;
    clock.advance(millis(49));
    assert_eq!(site.get("/").await.x_cache(), "HIT");
    clock.advance(millis(1));
    assert_eq!(site.get("/").await.x_cache(), "MISS");
}

/// The lifetime passes through the stored form.
#[tokio::test]
async fn another_instance_knows_the_lifetime_too() {
    let (store, clock, origin) = (MemoryStore::new(), ManualClock::new(), counting());
    let mut sites = Vec::new();
    for _ in 0..2 {
        let cache = Cache::builder().clock(clock.clone()).shared_store(store.clone()).build();
        soon("the store", cache.ready(Duration::MAX)).await.unwrap();
        let service = cache.layer(half_a_second()).layer(origin.clone());
        sites.push((Site::of(Router::new().fallback_service(service)).await, cache));
    }
    get(&sites[0].0).await;
    soon("the write", async {
        while store.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    clock.advance(millis(499));
    let page = get(&sites[1].0).await;
    let status = CacheStatus::from_headers(&page.headers).unwrap();
    assert_eq!((status.detail(), status.is_hit()), (Some("shared"), true));
    clock.advance(millis(1));
    assert_eq!(get(&sites[1].0).await.x_cache(), "MISS");
}

async fn get(site: &Site) -> Page {
    site.ask(Method::GET, "/").with("host", "shop.example").send().await
}
