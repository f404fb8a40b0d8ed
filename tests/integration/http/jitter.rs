//! Jitter: responses that are stored together do not expire together.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use larder::{CacheFor, Policy, ttl};
use larder_tests::http::Site;

use crate::support::cache;

/// Returns the lifetimes of forty such responses, as reported by hits.
async fn lifetimes(policy: Policy, answer: impl IntoResponse + Clone + Send + Sync + 'static) -> Vec<u64> {
    let (cache, _) = cache();
    let handler = get(async move || answer);
    let site = Site::of(Router::new().route("/{id}", handler.layer(cache.layer(policy)))).await;
    let mut lifetimes = Vec::new();
    for path in 0..40 {
        let path = format!("/{path}");
        site.get(&path).await;
        let status = site.get(&path).await.cache_status();
        let ttl = status.strip_prefix("Larder; hit; ttl=").unwrap().split(';').next().unwrap();
        lifetimes.push(ttl.parse().unwrap());
    }
    lifetimes
}

#[tokio::test]
async fn lifetimes_differ_by_a_twentieth_at_most() {
    let lifetimes = lifetimes(Policy::ttl(ttl::STANDARD), "hello").await;
    assert!(lifetimes.iter().all(|ttl| (3420..=3780).contains(ttl)), "{lifetimes:?}");
    assert!(
        lifetimes.iter().any(|ttl| *ttl < 3600) && lifetimes.iter().any(|ttl| *ttl >= 3600),
        "{lifetimes:?}"
    );
}

#[tokio::test]
async fn a_lifetime_that_the_response_states_is_never_longer() {
    for field in [("cache-control", "max-age=3600"), ("cache-control", "s-maxage=3600, max-age=9000")] {
        let policy = Policy::ttl(ttl::REALTIME).jitter(0.5);
        let lifetimes = lifetimes(policy, ([field], "hello")).await;
        assert!(lifetimes.iter().all(|ttl| (1800..=3600).contains(ttl)), "{lifetimes:?}");
        assert!(lifetimes.iter().any(|ttl| *ttl < 3500), "{lifetimes:?}");
    }
}

#[tokio::test]
async fn a_lifetime_of_the_handler_is_moved_like_the_policys_own() {
    let policy = Policy::ttl(ttl::REALTIME).jitter(0.5);
    let lifetimes = lifetimes(policy, (CacheFor::from_secs(1000), "hello")).await;
    assert!(lifetimes.iter().all(|ttl| (500..=1500).contains(ttl)), "{lifetimes:?}");
    assert!(
        lifetimes.iter().any(|ttl| *ttl < 1000) && lifetimes.iter().any(|ttl| *ttl >= 1000),
        "{lifetimes:?}"
    );
}

#[tokio::test]
async fn without_jitter_every_lifetime_is_exact() {
    let lifetimes = lifetimes(Policy::ttl(ttl::STANDARD).jitter(0.0), "hello").await;
    assert_eq!(lifetimes, [3600; 40]);
}
