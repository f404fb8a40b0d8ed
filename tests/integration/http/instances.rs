//! Two instances with one store in the memory of the test.

use std::time::Duration;

use axum::Router;
use http::Method;
use larder::{Cache, Invalidation, Tag, UriName};
use larder_testing::{Answer, CacheStatus, MemoryStore, Origin};
use larder_tests::http::{Page, Site, soon};

use crate::support::{hourly, site};

/// Longer than any wait of a test that passes.
const LONG: Duration = Duration::from_secs(20);

/// Returns a cache with this store, and a site behind it.
async fn instance(store: &MemoryStore, origin: &Origin) -> (Cache, Site) {
    let cache = Cache::builder().shared_store(store.clone()).build();
    let layer = cache.layer(hourly().tag("pages"));
    let site = Site::of(Router::new().fallback_service(tower::Layer::layer(&layer, origin.clone()))).await;
    // An invalidation is applied once the instance follows the log.
    let applied = soon("the log", cache.invalidate(Tag::new("start"))).await;
    assert_eq!(applied.require_applied(), Ok(()));
    (cache, site)
}

/// Sends a request to an instance. All instances have the same host.
async fn get(site: &Site) -> Page {
    site.ask(Method::GET, "/").with("host", "shop.example").send().await
}

async fn status(site: &Site) -> CacheStatus {
    CacheStatus::from_headers(&get(site).await.headers).expect("a cache has answered")
}

#[tokio::test]
async fn they_share_responses_and_invalidations() {
    let (store, origin) = (MemoryStore::new(), Origin::queue([Answer::ok("old"), Answer::ok("new")]));
    let (_, first) = instance(&store, &origin).await;
    let (second_cache, second) = instance(&store, &origin).await;
    let filled = status(&first).await;
    assert_eq!((filled.detail(), filled.is_stored()), (Some("never-stored"), true));
    soon("the write", async {
        while store.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(status(&second).await.detail(), Some("shared"));

    let applied = second_cache.invalidate(Tag::new("pages")).await;
    assert_eq!(applied.require_applied(), Ok(()));
    assert!(get(&second).await.is("MISS", "new"));
    // The first instance reads the event in a moment.
    soon("the event", async { while get(&first).await.text() != "new" {} }).await;
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn after_a_restart_of_the_store_the_reason_is_the_log() {
    let (store, origin) = (MemoryStore::new(), Origin::new(|_, _| Answer::ok("hello")));
    let (cache, site) = instance(&store, &origin).await;
    get(&site).await;
    assert!(status(&site).await.is_hit());
    store.restart();
    let applied = soon("the log", cache.invalidate(Invalidation::of(Tag::new("other")))).await;
    assert_eq!(applied.require_applied(), Ok(()));
    let refilled = status(&site).await;
    assert_eq!((refilled.detail(), refilled.forwarded()), (Some("log-restarted"), Some("stale")));
}

/// The store cannot be reached when the process starts.
#[tokio::test]
async fn a_fresh_start_has_nothing_stored() {
    let store = MemoryStore::new();
    store.fail(larder::store::StoreErrorKind::Unreachable);
    let cache = Cache::builder().shared_store(store).build();
    let origin = Origin::new(|_, _| Answer::ok("hello"));
    let layer = cache.layer(hourly());
    let site = Site::of(Router::new().fallback_service(tower::Layer::layer(&layer, origin))).await;
    let status = status(&site).await;
    assert_eq!((status.detail(), status.forwarded()), (Some("starting"), Some("uri-miss")));
}

/// An instance expands each URI in the log by the rules of its layers at that moment. The rules of
/// a layer that is added later were not applied to events from before it.
#[tokio::test]
async fn a_layer_that_is_added_later_serves_nothing_that_was_stored_before_an_invalidation() {
    for (policy, path, invalidated) in [
        (hourly().ignore_host(), "/a", "http://shop.example/a"),
        (hourly().query_ignoring(["utm"]), "/a?utm=2", "http://shop.example/a?utm=1"),
    ] {
        for is_invalidated in [false, true] {
            let (store, origin) = (MemoryStore::new(), Origin::always(Answer::ok("page")));
            let [filling, late, writing] =
                [(); 3].map(|()| Cache::builder().shared_store(store.clone()).build());
            for cache in [&filling, &late, &writing] {
                soon("the store", cache.ready(LONG)).await.unwrap();
            }
            let ask = async |cache: &Cache| {
                let site = site(cache, policy.clone(), &origin).await;
                site.ask(Method::GET, path).with("host", "shop.example").send().await
            };
            assert_eq!(ask(&filling).await.x_cache(), "MISS");
            eventually(|| !store.is_empty()).await;
            if is_invalidated {
                writing.invalidate(UriName::new(invalidated).unwrap()).await.require_applied().unwrap();
            }
            eventually(|| late.token().to_string() == writing.token().to_string()).await;
            let expected = if is_invalidated { "MISS" } else { "HIT" };
            assert_eq!(ask(&late).await.x_cache(), expected, "{invalidated}");
        }
    }
}

async fn eventually(is_so: impl Fn() -> bool) {
    soon("a change", async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
