//! What the tests of this folder share.

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

/// A cache in memory, and its clock.
pub(crate) fn cache() -> (Cache, ManualClock) {
    let clock = ManualClock::new();
    (Cache::builder().clock(clock.clone()).build(), clock)
}

/// A policy that keeps responses for just an hour.
pub(crate) fn hourly() -> Policy {
    Policy::ttl(ttl::STANDARD).jitter(0.0)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A site whose every path is the origin's, behind a layer of this cache with this policy.
pub(crate) async fn site(cache: &Cache, policy: Policy, origin: &Origin) -> Site {
    Site::of(Router::new().fallback_service(cache.layer(policy).layer(origin.clone()))).await
}

/// Waits until the cache has counted this.
pub(crate) async fn counted(cache: &Cache, what: impl Fn(&Stats) -> bool) {
    soon("what is counted", async {
        while !what(&cache.stats()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until the cache has stored so many responses.
pub(crate) async fn stored(cache: &Cache, count: u64) {
    counted(cache, |stats| stats.stored >= count).await;
}

/// A site that answers with what it was asked for.
pub(crate) async fn repeating_site(cache: &Cache, policy: Policy) -> Site {
    let origin = Origin::new(|request, _| larder_testing::Answer::ok(request.uri.to_string()));
    site(cache, policy, &origin).await
}

/// `count` requests for the path at once, sent in tasks of their own.
pub(crate) fn at_once(site: &Arc<Site>, path: &str, count: usize) -> Vec<tokio::task::JoinHandle<Page>> {
    let ask = |_| {
        let (site, path) = (Arc::clone(site), path.to_owned());
        tokio::spawn(async move { site.get(&path).await })
    };
    (0..count).map(ask).collect()
}

/// What became of tasks, none of which may have panicked.
pub(crate) async fn all<T>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(soon("the end of a task", task).await.unwrap());
    }
    results
}

/// The next bytes of a body.
pub(crate) async fn next(response: &mut Response<Incoming>) -> Bytes {
    let frame = soon("the next bytes", response.frame()).await.expect("no end").expect("no error");
    frame.into_data().expect("bytes")
}

/// Counts requests as they arrive outside of the cache, and the futures of those whose clients have
/// left.
#[derive(Clone)]
pub(crate) struct Door {
    came: Arc<Semaphore>,
    left: Arc<Semaphore>,
}

impl Door {
    pub(crate) fn new() -> Self {
        Self { came: Arc::new(Semaphore::new(0)), left: Arc::new(Semaphore::new(0)) }
    }

    /// The router behind this door.
    pub(crate) fn before(&self, router: Router) -> Router {
        let door = self.clone();
        router.layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                let door = door.clone();
                async move {
                    let mut leaving = Leaving(Some(door.left));
                    let answer = next.run(request);
                    let mut answer = Box::pin(answer);
                    // Once what is behind it has been polled, the request has joined whatever it
                    // joins.
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

    /// Waits until so many requests more have come, and wait for what is behind the door.
    pub(crate) async fn came(&self, requests: u32) {
        soon("requests", self.came.acquire_many(requests)).await.unwrap().forget();
    }

    /// Waits until so many clients more have left before they had a response.
    pub(crate) async fn left(&self, clients: u32) {
        soon("clients leaving", self.left.acquire_many(clients)).await.unwrap().forget();
    }
}

struct Leaving(Option<Arc<Semaphore>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(left) = &self.0 {
            left.add_permits(1);
        }
    }
}
