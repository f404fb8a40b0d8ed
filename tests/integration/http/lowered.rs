//! A lifetime that a deploy lowers counts for what is stored already.

use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{Method, StatusCode};
use larder::{Cache, CacheFor, Policy};
use larder_testing::{CacheStatus, ManualClock, MemoryStore};
use larder_tests::http::{Site, soon};

use crate::support::secs;

/// A store that two versions of a program share during a deploy.
struct Deploy {
    store: MemoryStore,
    clock: ManualClock,
}

fn ttl(seconds: u64) -> Policy {
    Policy::ttl(secs(seconds)).jitter(0.0)
}

impl Deploy {
    fn new() -> Self {
        Self { store: MemoryStore::new(), clock: ManualClock::new() }
    }

    async fn version(&self, policy: Policy) -> Site {
        // The clock jumps. The log counts as read meanwhile.
        let builder = Cache::builder().max_staleness(secs(3600));
        let cache = builder.clock(self.clock.clone()).shared_store(self.store.clone()).build();
        soon("the store", cache.ready(Duration::MAX)).await.unwrap();
        let handled = (CacheFor::from_secs(100), "set by the handler");
        let missing = (StatusCode::NOT_FOUND, "missing");
        let router = Router::new()
            .route("/plain", get(async || "by the policy"))
            .route("/stated", get(async || ([("cache-control", "max-age=100")], "stated")))
            .route("/handler", get(async move || handled.into_response()))
            .route("/missing", get(async move || missing));
        Site::of(router.layer(cache.layer(policy))).await
    }

    /// Fills the store through this site, and waits until all is written.
    async fn fill(&self, site: &Site, paths: &[&str]) {
        for (number, path) in paths.iter().enumerate() {
            assert_eq!(outcome(site, path).await, "never-stored", "{path}");
            soon("the write", async {
                while self.store.len() <= number {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
    }
}

async fn outcome(site: &Site, path: &str) -> String {
    let page = site.ask(Method::GET, path).with("host", "shop.example").send().await;
    let status = CacheStatus::from_headers(&page.headers).unwrap();
    // Without the reason why the response was not stored.
    status.detail().and_then(|detail| detail.split(',').next()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_lower_lifetime_counts_for_what_is_stored_and_a_higher_one_does_not() {
    let deploy = Deploy::new();
    let old = deploy.version(ttl(100)).await;
    deploy.fill(&old, &["/plain", "/stated", "/handler"]).await;
    deploy.clock.advance(secs(11));
    let new = deploy.version(ttl(10)).await;
    assert_eq!(outcome(&new, "/plain").await, "expired");
    assert_eq!(outcome(&old, "/plain").await, "memory", "the old version goes on with its own");
    for path in ["/stated", "/handler"] {
        assert_eq!(outcome(&new, path).await, "shared", "{path}");
        assert_eq!(outcome(&new, path).await, "memory", "{path}");
    }
    // The response of the new version is fresh for ten seconds, whatever reads it.
    deploy.clock.advance(secs(9));
    assert_eq!(outcome(&deploy.version(ttl(10)).await, "/plain").await, "shared");
    deploy.clock.advance(secs(1));
    assert_eq!(outcome(&deploy.version(ttl(100)).await, "/plain").await, "expired");
}

/// The rest of a lowered lifetime counts in memory too.
#[tokio::test]
async fn what_is_promoted_to_memory_expires_by_the_lower_lifetime() {
    let deploy = Deploy::new();
    deploy.fill(&deploy.version(ttl(100)).await, &["/plain"]).await;
    let new = deploy.version(ttl(10)).await;
    assert_eq!(outcome(&new, "/plain").await, "shared");
    deploy.clock.advance(secs(9));
    assert_eq!(outcome(&new, "/plain").await, "memory");
    deploy.clock.advance(secs(1));
    assert_eq!(outcome(&new, "/plain").await, "expired");
}

#[tokio::test]
async fn so_do_lower_windows_and_the_lifetimes_of_a_status() {
    let policy = |missing| ttl(10).status(StatusCode::NOT_FOUND, secs(missing));
    let deploy = Deploy::new();
    let old = deploy.version(policy(50).stale_while_revalidate(secs(50))).await;
    deploy.fill(&old, &["/plain", "/missing"]).await;
    deploy.clock.advance(secs(11));
    let same = deploy.version(policy(50).stale_while_revalidate(secs(50))).await;
    assert_eq!(outcome(&same, "/missing").await, "shared");
    let new = deploy.version(policy(5)).await;
    assert_eq!(outcome(&new, "/plain").await, "expired");
    assert_eq!(outcome(&new, "/missing").await, "expired");
    let without = deploy.version(ttl(10)).await;
    assert_eq!(outcome(&without, "/missing").await, "expired", "the status is not stored any more");
}
