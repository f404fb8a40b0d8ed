//! A cache in front of a scripted origin, with a clock that the test advances.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use larder::time::Clock;
use larder::{Cache, CacheBuilder, CacheService, Policy};
use larder_testing::{Answer, ManualClock, Origin};
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use crate::journal;

/// The time that each run of the handler takes.
pub(crate) const COST: Duration = Duration::from_millis(40);

/// A cache, its clock, and the origin behind it.
pub(crate) struct Shop {
    pub(crate) cache: Cache,
    pub(crate) clock: ManualClock,
    pub(crate) origin: Origin,
    pub(crate) service: CacheService<Origin>,
}

impl Shop {
    /// Creates a shop. Its origin answers by `script`, and takes [`COST`] for each answer.
    pub(crate) fn new(policy: Policy, script: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::of(Cache::builder(), policy, script)
    }

    /// Creates a shop whose cache has these options.
    pub(crate) fn of(
        options: CacheBuilder,
        policy: Policy,
        script: impl Fn(usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let clock = ManualClock::new();
        Self::clocked(options, clock.clone(), clock, policy, script)
    }

    /// Creates a shop with a clock that `clock` moves.
    pub(crate) fn clocked(
        options: CacheBuilder,
        clock: ManualClock,
        read: impl Clock,
        policy: Policy,
        script: impl Fn(usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        journal::let_threads_decide();
        let cache = options.clock(read).build();
        let turned = clock.clone();
        let origin = Origin::new(move |_, call| {
            turned.advance(COST);
            script(call)
        });
        let service = cache.layer(policy).layer(origin.clone());
        Self { cache, clock, origin, service }
    }

    /// Creates a shop that caches for a minute. Its origin always gives the same answer.
    pub(crate) fn minute() -> Self {
        Self::new(Policy::ttl(Duration::from_secs(60)).jitter(0.0), |_| Answer::ok("hello"))
    }

    pub(crate) async fn send(&self, request: Request<()>) -> Response<Bytes> {
        let answered = async {
            let (parts, body) = self.service.clone().oneshot(request).await.unwrap().into_parts();
            // A body that breaks off becomes an empty one.
            let body = body.collect().await.map(http_body_util::Collected::to_bytes);
            Response::from_parts(parts, body.unwrap_or_default())
        };
        // The timeout only makes a failing test end.
        tokio::time::timeout(Duration::from_secs(20), answered).await.unwrap()
    }

    pub(crate) async fn get(&self, uri: &str) -> Response<Bytes> {
        self.send(get(uri)).await
    }
}

pub(crate) fn get(uri: &str) -> Request<()> {
    Request::builder().uri(uri).body(()).unwrap()
}

pub(crate) fn method(method: Method, uri: &str) -> Request<()> {
    Request::builder().method(method).uri(uri).body(()).unwrap()
}

pub(crate) fn with(uri: &str, name: &str, value: &str) -> Request<()> {
    Request::builder().uri(uri).header(name, value).body(()).unwrap()
}

/// Waits until a condition holds. The timeout only makes a failing test end.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(20), waiting).await.is_err() {
        panic!("not in time: {what}");
    }
}
