//! Shared code of the tests in this folder.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use larder::{Cache, Policy, Stats, ttl};
use larder_testing::{ManualClock, Origin};
use larder_tests::http::{Page, Site, soon};
use tokio::sync::Semaphore;
use tower::Layer as _;

/// Creates a cache in memory with its clock.
pub(crate) fn cache() -> (Cache, ManualClock) {
    let clock = ManualClock::new();
    (Cache::builder().clock(clock.clone()).build(), clock)
}

/// Returns a policy with a lifetime of exactly one hour.
pub(crate) fn hourly() -> Policy {
    Policy::ttl(ttl::STANDARD).jitter(0.0)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns a site with this origin on every path, behind a layer with this policy.
pub(crate) async fn site(cache: &Cache, policy: Policy, origin: &Origin) -> Site {
    Site::of(Router::new().fallback_service(cache.layer(policy).layer(origin.clone()))).await
}

/// Waits until the statistics match.
pub(crate) async fn counted(cache: &Cache, what: impl Fn(&Stats) -> bool) {
    soon("what is counted", async {
        while !what(&cache.stats()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until the cache has stored this many responses.
pub(crate) async fn stored(cache: &Cache, count: u64) {
    counted(cache, |stats| stats.stored >= count).await;
}

/// Returns a site that repeats the request.
pub(crate) async fn repeating_site(cache: &Cache, policy: Policy) -> Site {
    let origin = Origin::new(|request, _| larder_testing::Answer::ok(request.uri.to_string()));
    site(cache, policy, &origin).await
}

/// Sends `count` requests for the path at once, in new tasks.
pub(crate) fn at_once(site: &Arc<Site>, path: &str, count: usize) -> Vec<tokio::task::JoinHandle<Page>> {
    let ask = |_| {
        let (site, path) = (Arc::clone(site), path.to_owned());
        tokio::spawn(async move { site.get(&path).await })
    };
    (0..count).map(ask).collect()
}

/// Returns the results of tasks, none of which may have panicked.
pub(crate) async fn all<T>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(soon("the end of a task", task).await.unwrap());
    }
    results
}

/// Returns the next bytes of a body.
pub(crate) async fn next(response: &mut Response<Incoming>) -> Bytes {
    let frame = soon("the next bytes", response.frame()).await.expect("no end").expect("no error");
    frame.into_data().expect("bytes")
}

/// Counts requests as they arrive outside of the cache, and futures that were dropped because their
/// clients left.
#[derive(Clone)]
pub(crate) struct Door {
    came: Arc<Semaphore>,
    left: Arc<Semaphore>,
}

impl Door {
    pub(crate) fn new() -> Self {
        Self { came: Arc::new(Semaphore::new(0)), left: Arc::new(Semaphore::new(0)) }
    }

    /// Puts a router behind this door.
    pub(crate) fn before(&self, router: Router) -> Router {
        let door = self.clone();
        router.layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                let door = door.clone();
                async move {
                    let mut leaving = Leaving(Some(door.left));
                    let answer = next.run(request);
                    let mut answer = Box::pin(answer);
                    // After the inner service has been polled, the request has joined its flight.
                    let mut counted = Some(door.came);
                    let response = poll_fn(|cx| {
                        let polled = answer.as_mut().poll(cx);
                        if let Some(came) = counted.take() {
                            came.add_permits(1);
                        }
                        polled
                    })
                    .await;
                    leaving.0 = None;
                    response
                }
            },
        ))
    }

    /// Waits until this many more requests have arrived and wait behind the door.
    pub(crate) async fn came(&self, requests: u32) {
        soon("requests", self.came.acquire_many(requests)).await.unwrap().forget();
    }

    /// Waits until this many more clients have left without a response.
    pub(crate) async fn left(&self, clients: u32) {
        soon("clients leaving", self.left.acquire_many(clients)).await.unwrap().forget();
    }
}

/// Returns a site of this router, and the door in front of it.
pub(crate) async fn behind_door(router: Router) -> (Arc<Site>, Door) {
    let door = Door::new();
    (Arc::new(Site::of(door.before(router)).await), door)
}

/// Returns a site like [`site`], and the door in front of it.
pub(crate) async fn site_behind_door(cache: &Cache, policy: Policy, origin: &Origin) -> (Arc<Site>, Door) {
    behind_door(Router::new().fallback_service(cache.layer(policy).layer(origin.clone()))).await
}

struct Leaving(Option<Arc<Semaphore>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(left) = &self.0 {
            left.add_permits(1);
        }
    }
}
