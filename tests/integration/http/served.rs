//! The extension that reports to other layers how a request was answered.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::any_service;
use http::{Method, StatusCode};
use larder::outcome::{BypassReason, MissReason, Outcome, StaleReason, Tier};
use larder::{Cache, Policy, Served};
use larder_testing::{Answer, Gate, ManualClock, MemoryStore, Origin};
use larder_tests::http::{Page, Site, soon};
use tower::Layer as _;

use crate::support::{all, at_once, behind_door, cache, hourly, secs};

const ETAG: &str = "\"a\"";
const HIT: Outcome = Outcome::Hit(Tier::Memory);
const NEVER_STORED: Outcome = Outcome::Miss(MissReason::NeverStored);

/// The extensions that a layer around the cache has seen.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Option<Served>>>>);

impl Seen {
    /// Returns the extensions since the last call.
    fn take(&self) -> Vec<Option<Served>> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Returns the outcome of the only request since the last call, its age and its lifetime.
    fn last(&self) -> (Outcome, Option<u64>, Option<u64>) {
        let seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        let served = seen[0].as_ref().expect("an extension");
        assert_eq!(served.tier, served.outcome.tier());
        assert_eq!(&*served.route, "/{*path}");
        let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs());
        (served.outcome, seconds(served.age), seconds(served.ttl))
    }
}

async fn watch(State(seen): State<Seen>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    seen.0.lock().unwrap().push(response.extensions().get::<Served>().cloned());
    response
}

fn router(cache: &Cache, policy: Policy, origin: &Origin) -> (Router, Seen) {
    let seen = Seen::default();
    let service = any_service(cache.layer(policy).layer(origin.clone()));
    let router = Router::new().route("/{*path}", service).layer(from_fn_with_state(seen.clone(), watch));
    (router, seen)
}

async fn watched(cache: &Cache, policy: Policy, origin: &Origin) -> (Site, Seen) {
    let (router, seen) = router(cache, policy, origin);
    (Site::of(router).await, seen)
}

async fn ask(site: &Site, method: Method, fields: &[(&'static str, &str)]) -> Page {
    let request = site.ask(method, "/a").with("host", "shop.example");
    fields.iter().fold(request, |request, (name, value)| request.with(name, value)).send().await
}

fn page() -> Answer {
    Answer::ok("page").header("etag", ETAG)
}

/// Returns a cache all of whose layers report, with its clock.
fn reporting_cache() -> (Cache, ManualClock) {
    let clock = ManualClock::new();
    (Cache::builder().clock(clock.clone()).served_extension().build(), clock)
}

#[tokio::test]
async fn a_cache_or_a_policy_asks_for_it_and_nothing_else_has_it() {
    let ((plain, _), (reporting, _)) = (cache(), reporting_cache());
    for (cache, policy, expected) in
        [(&plain, hourly(), false), (&plain, hourly().served_extension(), true), (&reporting, hourly(), true)]
    {
        let (site, seen) = watched(cache, policy, &Origin::always(page())).await;
        for method in [Method::GET, Method::GET, Method::HEAD, Method::POST] {
            ask(&site, method, &[]).await;
        }
        assert!(seen.take().iter().all(|served| served.is_some() == expected));
    }
}

/// A request, and its outcome, its age and its remaining lifetime.
#[tokio::test]
async fn each_outcome_is_reported() {
    let (cache, clock) = reporting_cache();
    let origin = Origin::always(page());
    let policy = hourly().honor_request_directives();
    let (site, seen) = watched(&cache, policy, &origin).await;
    let bypass = |reason| (Outcome::Bypass(reason), None, None);
    let stored = (NEVER_STORED, None, Some(3600));
    let hit = (HIT, Some(10), Some(3590));
    type Request = (Method, &'static [(&'static str, &'static str)], u16);
    let cases: [(u64, Request, (Outcome, Option<u64>, Option<u64>)); 13] = [
        (0, (Method::GET, &[("cache-control", "only-if-cached")], 504), (NEVER_STORED, None, None)),
        (0, (Method::HEAD, &[], 200), (NEVER_STORED, None, None)),
        (0, (Method::GET, &[], 200), stored),
        (10, (Method::GET, &[], 200), hit),
        (0, (Method::HEAD, &[], 200), hit),
        (0, (Method::GET, &[("if-none-match", ETAG)], 304), hit),
        (0, (Method::GET, &[("range", "bytes=0-1")], 206), hit),
        (0, (Method::GET, &[("cache-control", "only-if-cached")], 200), hit),
        (
            0,
            (Method::GET, &[("cache-control", "no-cache")], 200),
            (Outcome::Miss(MissReason::Request), None, Some(3600)),
        ),
        (0, (Method::GET, &[("authorization", "a")], 200), bypass(BypassReason::Authorization)),
        (0, (Method::GET, &[("if-match", ETAG)], 200), bypass(BypassReason::Precondition)),
        (
            0,
            (Method::GET, &[("if-match", ETAG), ("cache-control", "only-if-cached")], 504),
            bypass(BypassReason::Precondition),
        ),
        (0, (Method::POST, &[], 200), bypass(BypassReason::Method)),
    ];
    for (wait, (method, fields, status), expected) in cases {
        clock.advance(secs(wait));
        let page = ask(&site, method.clone(), fields).await;
        assert_eq!((page.status.as_u16(), seen.last()), (status, expected), "{method} {fields:?}");
    }
}

#[tokio::test]
async fn stale_responses_errors_and_confirmations_are_reported() {
    let (cache, clock) = reporting_cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => page(),
            2 => Answer::status(StatusCode::NOT_MODIFIED).header("etag", ETAG),
            3 => page().held_at(&gate),
            _ => Answer::status(StatusCode::BAD_GATEWAY),
        }
    });
    let policy = hourly().stale_while_revalidate(secs(10)).stale_if_error(secs(100));
    let (site, seen) = watched(&cache, policy, &origin).await;
    let expired = Outcome::Miss(MissReason::Expired);
    let stale = |reason| Outcome::Stale(Tier::Memory, reason);
    ask(&site, Method::GET, &[]).await;
    assert_eq!(seen.last(), (NEVER_STORED, None, Some(3600)));
    clock.advance(secs(3620));
    ask(&site, Method::GET, &[]).await;
    assert_eq!(seen.last(), (expired, None, Some(3600)), "confirmed by the handler");
    clock.advance(secs(3605));
    ask(&site, Method::GET, &[]).await;
    assert_eq!(seen.last(), (stale(StaleReason::WhileRevalidate), Some(3605), Some(0)));
    gate.open();
    soon("the refresh", async { while ask(&site, Method::GET, &[]).await.x_cache() != "HIT" {} }).await;
    seen.take();
    clock.advance(secs(3650));
    ask(&site, Method::GET, &[]).await;
    assert_eq!(seen.last(), (stale(StaleReason::IfError), Some(3650), Some(0)));
    clock.advance(secs(1000));
    assert_eq!(ask(&site, Method::GET, &[]).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(seen.last(), (expired, None, None));
}

/// One request runs the handler, and the others share its response, or its failure.
#[tokio::test]
async fn followers_are_reported() {
    for (status, ttl) in [(StatusCode::OK, Some(3600)), (StatusCode::BAD_GATEWAY, None)] {
        let (cache, _) = reporting_cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |_, _| Answer::status(status).held_at(&gate)
        });
        let (router, seen) = router(&cache, hourly(), &origin);
        let (site, door) = behind_door(router).await;
        let tasks = at_once(&site, "/a", 5);
        door.came(5).await;
        gate.open();
        all(tasks).await;
        let seen: Vec<_> = seen.take().into_iter().flatten().collect();
        assert_eq!(seen.len(), 5);
        assert!(seen.iter().all(|served| served.outcome == NEVER_STORED && served.tier.is_none()));
        let followers: Vec<_> = seen.iter().filter(|served| served.age.is_some()).collect();
        assert_eq!(followers.len(), 4);
        let seconds = |served: &&Served| served.ttl.map(|ttl| ttl.as_secs());
        assert!(followers.iter().all(|served| seconds(served) == ttl), "{followers:?}");
        assert_eq!(origin.calls(), 1);
    }
}

/// Without memory, hits take another path.
#[tokio::test]
async fn hits_in_the_shared_tier_are_reported() {
    for memory in [0, 1024 * 1024] {
        let (store, origin) = (MemoryStore::new(), Origin::always(page()));
        let build = || Cache::builder().shared_store(store.clone()).max_memory_bytes(memory).build();
        let (first, second) = (build(), build());
        let mut sites = Vec::new();
        for cache in [&first, &second] {
            sites.push(watched(cache, hourly().served_extension(), &origin).await);
            soon("the log", cache.invalidate(larder::Tag::new("start"))).await.require_applied().unwrap();
        }
        ask(&sites[0].0, Method::GET, &[]).await;
        soon("the write", async {
            while store.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        ask(&sites[1].0, Method::GET, &[]).await;
        let (outcome, age, ttl) = sites[1].1.last();
        assert_eq!((outcome, age), (Outcome::Hit(Tier::Shared), Some(0)), "memory: {memory}");
        assert!(ttl.is_some_and(|ttl| (3598..=3600).contains(&ttl)));
    }
}

/// The innermost layer handles the request, and reports it.
#[tokio::test]
async fn an_outer_layer_leaves_the_report_to_the_inner_one() {
    let (cache, _) = reporting_cache();
    let origin = Origin::always(page());
    let inner = cache.layer(hourly().name("inner")).layer(origin.clone());
    let seen = Seen::default();
    let router = Router::new()
        .route("/{*path}", any_service(cache.layer(hourly().name("outer")).layer(inner)))
        .layer(from_fn_with_state(seen.clone(), watch));
    let site = Site::of(router).await;
    for outcome in [NEVER_STORED, HIT] {
        ask(&site, Method::GET, &[]).await;
        let served = seen.take().remove(0).unwrap();
        assert_eq!((served.outcome, &*served.route), (outcome, "inner"));
    }
}
