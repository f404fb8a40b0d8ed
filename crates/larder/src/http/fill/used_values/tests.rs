use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use larder_core::invalidation::position::Incarnation;
use larder_core::invalidation::selector::Tag;
use larder_core::store::StoreErrorKind;
use larder_core::time::Clock as _;
use larder_testing::{Answer, Gate, ManualClock, MemoryStore, Origin};
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use super::*;
use crate::cache::Cache;
use crate::engine::fill_scope::FillScope;
use crate::http::policy::Policy;
use crate::http::policy::downstream::Downstream;
use crate::http::service::cache_service::CacheService;
use crate::testing::soon;

/// A cache and a route whose handler uses values.
struct Route {
    cache: Cache,
    clock: ManualClock,
    origin: Origin,
    service: CacheService<Origin>,
    /// The values that the handler uses in its next runs.
    used: Arc<Mutex<Vec<UsedValue>>>,
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn minute() -> Policy {
    Policy::ttl(secs(60)).jitter(0.0).tag("t")
}

fn ok(_: &Parts) -> Answer {
    Answer::ok("hello")
}

impl Route {
    fn new(policy: Policy, answer: impl Fn(&Parts) -> Answer + Send + Sync + 'static) -> Self {
        Self::of(Cache::builder(), policy, answer)
    }

    fn of(
        options: crate::CacheBuilder,
        policy: Policy,
        answer: impl Fn(&Parts) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let clock = ManualClock::new();
        let cache = options.clock(clock.clone()).build();
        let used = Arc::new(Mutex::new(Vec::new()));
        let uses = Arc::clone(&used);
        let origin = Origin::new(move |request, _| {
            let scope = FillScope::current().expect("a handler of a fill has a scope");
            uses.lock().unwrap().iter().for_each(|&value| scope.note(value));
            answer(request)
        });
        let service = cache.layer(policy).layer(origin.clone());
        Self { cache, clock, origin, service, used }
    }

    /// Returns a value that this process loads now, and that is always fresh.
    fn value(&self) -> UsedValue {
        let position = self.cache.engine().log.position();
        UsedValue { position, filled_at: Some(self.clock.boot()), fresh_until: None }
    }

    /// Returns such a value that is fresh for this long.
    fn value_for(&self, time: Duration) -> UsedValue {
        UsedValue { fresh_until: Some(self.clock.boot().saturating_add(time)), ..self.value() }
    }

    /// Lets the handler use these values from now on.
    fn uses(&self, values: &[UsedValue]) {
        *self.used.lock().unwrap() = values.to_vec();
    }

    async fn get(&self) -> HeaderMap {
        self.send(Method::GET).await
    }

    async fn send(&self, method: Method) -> HeaderMap {
        let request = Request::builder().method(method).uri("http://shop/a").body(()).unwrap();
        let (parts, body) = soon(self.service.clone().oneshot(request)).await.unwrap().into_parts();
        soon(body.collect()).await.unwrap();
        parts.headers
    }

    /// Returns the `Cache-Status` of a `GET`, without the name of the cache.
    async fn status(&self) -> String {
        let headers = self.get().await;
        let status = headers["cache-status"].to_str().unwrap();
        status.split_once("; ").unwrap().1.to_owned()
    }

    async fn x_cache(&self) -> String {
        self.get().await["x-cache"].to_str().unwrap().to_owned()
    }
}

/// An event between the load of the value and the fill refuses the response.
#[tokio::test]
async fn a_response_has_the_position_of_the_oldest_value_in_it() {
    let route = Route::new(minute(), ok);
    let before = route.value();
    let _ = route.cache.invalidate(Tag::new("t")).await;
    let after = route.value();
    assert_ne!(before.position, after.position);
    for (used, second) in [(vec![after, before], "MISS"), (vec![before], "MISS"), (vec![after], "HIT")] {
        route.uses(&used);
        assert_eq!(route.x_cache().await, "MISS", "{used:?}");
        assert_eq!(route.x_cache().await, second, "{used:?}");
    }
}

#[tokio::test]
async fn a_response_with_a_value_of_another_incarnation_is_not_stored() {
    let route = Route::new(minute(), ok);
    let incarnation = Incarnation::from_bytes([9; 16]);
    let other = UsedValue { position: Position { incarnation, ..route.value().position }, ..route.value() };
    for used in [vec![other], vec![route.value(), other]] {
        route.uses(&used);
        assert!(route.status().await.ends_with("not stored: other-log\""), "{used:?}");
        assert_eq!(route.x_cache().await, "MISS", "{used:?}");
    }
}

/// Rule 10: a value that another process may have loaded makes no response of this process.
#[tokio::test]
async fn a_response_was_filled_when_its_oldest_value_was_loaded() {
    let store = MemoryStore::new();
    let route = Route::of(Cache::builder().shared_store(store.clone()), minute(), ok);
    route.cache.ready(secs(20)).await.unwrap();
    let old = route.value();
    store.fail(StoreErrorKind::Unreachable);
    route.clock.advance(secs(3));
    let promoted = UsedValue { filled_at: None, ..route.value() };
    for (used, second) in [
        (vec![old], "MISS"),
        (vec![promoted], "MISS"),
        (vec![route.value(), promoted], "MISS"),
        (vec![route.value()], "HIT"),
    ] {
        route.uses(&used);
        assert_eq!(route.x_cache().await, "MISS", "{used:?}");
        assert_eq!(route.x_cache().await, second, "{used:?}");
    }
}

#[tokio::test]
async fn a_response_is_fresh_no_longer_than_the_values_in_it() {
    let route = Route::new(minute(), ok);
    route.uses(&[route.value_for(secs(100)), route.value_for(secs(10)), route.value()]);
    assert!(route.status().await.starts_with("fwd=uri-miss"));
    route.clock.advance(secs(4));
    let hit = route.get().await;
    assert_eq!(hit["age"], "4");
    assert_eq!(hit["cache-status"], "Larder; hit; ttl=6; detail=memory");
    route.clock.advance(secs(6));
    route.uses(&[route.value_for(secs(100))]);
    assert!(route.status().await.contains("detail=expired"));
    route.clock.advance(secs(59));
    assert_eq!(route.status().await, "hit; ttl=1; detail=memory", "the policy ends first");
}

#[tokio::test]
async fn the_stale_windows_of_the_policy_begin_when_the_value_ends() {
    let route = Route::new(minute().stale_while_revalidate(secs(30)), ok);
    route.uses(&[route.value_for(secs(10))]);
    assert_eq!(route.x_cache().await, "MISS");
    route.clock.advance(secs(39));
    route.uses(&[]);
    assert_eq!(route.status().await, "hit; ttl=-29; detail=\"memory, stale-while-revalidate\"");
    let refreshed = async {
        while route.status().await != "hit; ttl=60; detail=memory" {
            tokio::task::yield_now().await;
        }
    };
    soon(refreshed).await;
    route.uses(&[route.value_for(secs(10))]);
    route.clock.advance(secs(90));
    assert_eq!(route.x_cache().await, "MISS");
    route.clock.advance(secs(40));
    assert_eq!(route.x_cache().await, "MISS", "the window ends earlier, too");
}

#[tokio::test]
async fn caches_downstream_get_no_more_than_the_rest_of_the_value() {
    let route = Route::new(minute().downstream(Downstream::new().browser(secs(60)).cdn(secs(60))), ok);
    route.uses(&[route.value_for(secs(10))]);
    for (age, x_cache) in [(0, "MISS"), (4, "HIT")] {
        let fields = route.get().await;
        assert_eq!(fields["x-cache"], x_cache);
        // RFC 9111 §4.2: the recipient subtracts the age from it.
        assert_eq!(fields["cache-control"], "max-age=10", "at {age}");
        assert_eq!(fields["cdn-cache-control"], "max-age=10", "at {age}");
        route.clock.advance(secs(4));
    }
}

#[tokio::test]
async fn a_304_confirms_a_response_for_as_long_as_the_values_of_that_run_allow() {
    let route = Route::new(minute(), |request| {
        let is_validation = request.headers.contains_key("if-none-match");
        let answer = if is_validation { Answer::status(http::StatusCode::NOT_MODIFIED) } else { ok(request) };
        answer.header("etag", "\"1\"")
    });
    let before = route.value();
    assert_eq!(route.x_cache().await, "MISS");
    route.clock.advance(secs(60));
    route.uses(&[route.value_for(secs(5))]);
    assert_eq!(route.status().await, "fwd=stale; fwd-status=304; stored; detail=expired");
    route.clock.advance(secs(1));
    assert_eq!(route.status().await, "hit; ttl=4; detail=memory");
    let _ = route.cache.invalidate(Tag::new("t")).await;
    route.uses(&[]);
    assert_eq!(route.x_cache().await, "MISS", "it is no base for a validation");
    route.clock.advance(secs(60));
    route.uses(&[before]);
    assert_eq!(route.status().await, "fwd=stale; fwd-status=304; detail=expired");
    assert_eq!(route.x_cache().await, "MISS", "the value is from before the invalidation");
}

#[tokio::test]
async fn a_response_to_head_freshens_for_as_long_as_the_values_of_that_run_allow() {
    let fields =
        |_: &Parts| Answer::ok("hello").header("etag", "\"1\"").header("cache-control", "max-age=60");
    let other = Incarnation::from_bytes([9; 16]);
    for (incarnation, expected) in [(None, "hit; ttl=5; detail=memory"), (Some(other), "fwd=stale")] {
        let route = Route::new(Policy::rfc9111().jitter(0.0), fields);
        assert_eq!(route.x_cache().await, "MISS");
        route.clock.advance(secs(61));
        let mut value = route.value_for(secs(5));
        value.position.incarnation = incarnation.unwrap_or(value.position.incarnation);
        route.uses(&[value]);
        route.send(Method::HEAD).await;
        assert!(route.status().await.starts_with(expected), "{incarnation:?}");
    }
}

/// The next run loads a new value, so requests wait for it. The key is not hit-for-miss.
#[tokio::test]
async fn a_value_that_ends_during_the_fill_does_not_make_each_request_run_the_handler() {
    for ends_before in [false, true] {
        let (gate, calls) = (Gate::new(), AtomicUsize::new(0));
        let held = gate.clone();
        let route = Arc::new(Route::new(minute(), move |_| {
            let is_first = calls.fetch_add(1, Ordering::Relaxed) == 0;
            if ends_before && is_first { Answer::ok("hello") } else { Answer::ok("hello").held_at(&held) }
        }));
        if ends_before {
            route.uses(&[route.value_for(Duration::ZERO)]);
            assert_eq!(route.x_cache().await, "MISS");
        }
        route.uses(&[route.value_for(secs(1))]);
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let route = Arc::clone(&route);
                tokio::spawn(async move { route.x_cache().await })
            })
            .collect();
        gate.arrived(1).await;
        // Each client is a task of this thread, and now waits for the gate or for the flight.
        for _ in 0..32 {
            tokio::task::yield_now().await;
        }
        if !ends_before {
            route.clock.advance(secs(2));
            route.uses(&[route.value_for(secs(10))]);
        }
        gate.open();
        for client in clients {
            assert_eq!(soon(client).await.unwrap(), "MISS");
        }
        assert_eq!(route.origin.calls(), 2, "{ends_before}");
        assert_eq!(route.x_cache().await, "HIT");
    }
}

/// A body that uses a value when it is read.
struct UsingBody {
    used: Option<UsedValue>,
    is_late: bool,
}

impl Body for UsingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::take(&mut self.is_late) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.used.take().map(|used| {
            FillScope::current().expect("the fill reads the body").note(used);
            Ok(Frame::data(Bytes::from_static(b"hello")))
        }))
    }
}

#[tokio::test]
async fn a_value_that_the_body_uses_counts_too() {
    for (is_late, is_refused) in [(false, false), (true, false), (false, true), (true, true)] {
        let route = Route::new(minute(), ok);
        let mut used = route.value_for(secs(10));
        if is_refused {
            used.position.incarnation = Incarnation::from_bytes([9; 16]);
        }
        let handler = tower::service_fn(move |_: Request<()>| async move {
            Ok::<_, Infallible>(Response::new(UsingBody { used: Some(used), is_late }))
        });
        let service = route.cache.layer(minute()).layer(handler);
        let get = || async {
            let request = Request::builder().uri("http://shop/b").body(()).unwrap();
            let (parts, body) = soon(service.clone().oneshot(request)).await.unwrap().into_parts();
            soon(body.collect()).await.unwrap();
            parts.headers["x-cache"].to_str().unwrap().to_owned()
        };
        assert_eq!(get().await, "MISS");
        route.clock.advance(secs(9));
        assert_eq!(get().await, if is_refused { "MISS" } else { "HIT" }, "{is_late}");
        route.clock.advance(secs(1));
        assert_eq!(get().await, "MISS", "{is_late}");
    }
}

/// A load of the handler must not wait for a lease while the fill holds one.
#[tokio::test]
async fn a_handler_knows_whether_its_fill_holds_a_lease() {
    for has_store in [false, true] {
        let options = Cache::builder();
        let options = if has_store { options.shared_store(MemoryStore::new()) } else { options };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sees = Arc::clone(&seen);
        let policy = Policy::ttl(secs(1)).jitter(0.0).stale_while_revalidate(secs(60));
        let route = Route::of(options, policy, move |request| {
            sees.lock().unwrap().push(FillScope::current().unwrap().holds_lease());
            ok(request)
        });
        route.cache.ready(secs(20)).await.unwrap();
        assert_eq!(route.x_cache().await, "MISS");
        route.clock.advance(secs(1));
        assert_eq!(route.x_cache().await, "STALE", "it is refreshed in the background");
        while route.origin.calls() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(*seen.lock().unwrap(), [has_store, has_store]);
    }
}

/// A handler that sends a request to its own application uses the values of that request, too.
#[tokio::test]
async fn values_of_a_request_that_the_handler_sends_count_for_both() {
    let route = Route::new(minute(), ok);
    let inner = route.service.clone();
    let handler = tower::service_fn(move |_: Request<()>| {
        let request = Request::builder().uri("http://shop/a").body(()).unwrap();
        let answer = inner.clone().oneshot(request);
        async move {
            let body = answer.await?.into_body().collect().await.unwrap().to_bytes();
            Ok::<_, Infallible>(Response::new(Full::new(body)))
        }
    });
    let outer = route.cache.layer(minute()).layer(handler);
    let get = || async {
        let request = Request::builder().uri("http://shop/outer").body(()).unwrap();
        let answer = soon(outer.clone().oneshot(request)).await.unwrap();
        answer.headers()["x-cache"].to_str().unwrap().to_owned()
    };
    route.uses(&[route.value_for(secs(10))]);
    assert_eq!(get().await, "MISS");
    route.clock.advance(secs(9));
    assert_eq!((get().await, route.x_cache().await), ("HIT".into(), "HIT".into()));
    route.clock.advance(secs(1));
    route.uses(&[]);
    assert_eq!((get().await, route.x_cache().await), ("MISS".into(), "HIT".into()));
}
