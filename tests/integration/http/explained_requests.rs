//! Explanations: what a request says of itself counts, as it does when the request is served.

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::middleware::{Next, from_fn};
use axum::{Router, extract};
use http::{HeaderName, Request, Version};
use larder::explain::{Explanation, HandlerRun};
use larder::outcome::{BypassReason, MissReason, Outcome, StaleReason, Tier};
use larder::{Cache, Policy, ReadYourWrites, Tag};
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::soon;
use tower::{Layer as _, ServiceExt as _};

use crate::support::{cache, hourly, secs};

const TOKEN: HeaderName = HeaderName::from_static("larder-token");

fn request(fields: &[(&str, &str)]) -> Request<Body> {
    let request = Request::get("/a").header("host", "shop.example");
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).unwrap()
}

fn router(cache: &Cache, policy: Policy, origin: &Origin) -> Router {
    Router::new().fallback_service(cache.layer(policy).layer(origin.clone()))
}

async fn send(router: &Router, request: Request<Body>) -> String {
    let response = router.clone().oneshot(request).await.unwrap();
    let outcome = response.headers()["x-cache"].to_str().unwrap().to_owned();
    to_bytes(response.into_body(), usize::MAX).await.unwrap();
    outcome
}

async fn explain(cache: &Cache, router: &Router, fields: &[(&str, &str)]) -> Explanation {
    cache.explain(router.clone(), request(fields)).await.unwrap()
}

/// Returns the token of an instance that has read one entry more.
fn token_ahead(cache: &Cache) -> String {
    let token = cache.token().to_string();
    let (before, sequence) = token.rsplit_once('-').unwrap();
    format!("{before}-{:x}", u64::from_str_radix(sequence, 16).unwrap() + 1)
}

#[tokio::test]
async fn the_handler_runs_for_no_request_that_accepts_only_a_stored_response() {
    let never_stored = Outcome::Miss(MissReason::NeverStored);
    let bypass = Outcome::Bypass;
    let cases: [(&[(&str, &str)], Outcome); 5] = [
        (&[], never_stored),
        (&[("if-match", "\"a\"")], bypass(BypassReason::Precondition)),
        (&[("authorization", "x")], bypass(BypassReason::Authorization)),
        (&[("x-http-method-override", "PUT")], bypass(BypassReason::Override)),
        (&[("larder-token", "nonsense")], bypass(BypassReason::ReadYourWrites)),
    ];
    for (fields, outcome) in cases {
        for (honors, accepts_only_stored) in [(true, true), (true, false), (false, true)] {
            let (cache, _) = cache();
            let policy = hourly().read_your_writes(ReadYourWrites::header(TOKEN).wait(secs(0)));
            let policy = if honors { policy.honor_request_directives() } else { policy };
            let origin = Origin::always(Answer::ok("a"));
            let router = router(&cache, policy, &origin);
            let directive = [("cache-control", "only-if-cached")];
            let fields = [fields, if accepts_only_stored { &directive } else { &[] }].concat();
            let explanation = explain(&cache, &router, &fields).await;
            let runs = !(honors && accepts_only_stored);
            let handler = if runs { HandlerRun::Yes } else { HandlerRun::No };
            assert_eq!((explanation.outcome, explanation.handler), (outcome, handler), "{fields:?}");
            assert_eq!(send(&router, request(&fields)).await, outcome.x_cache(), "{fields:?}");
            assert_eq!(origin.calls(), usize::from(runs), "{fields:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_waited_for_as_a_request_waits_for_it() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("a"));
    let policy = hourly().read_your_writes(ReadYourWrites::header(TOKEN).wait(secs(1)));
    let router = router(&cache, policy, &origin);
    let _ = cache.invalidate(Tag::new("before")).await;
    send(&router, request(&[])).await;
    let (known, ahead) = (cache.token().to_string(), token_ahead(&cache));
    let explained = async |token: &str| explain(&cache, &router, &[("larder-token", token)]).await;
    assert_eq!(explained(&known).await.outcome, Outcome::Hit(Tier::Memory));
    let late = explained(&ahead).await;
    let bypass = Outcome::Bypass(BypassReason::ReadYourWrites);
    assert_eq!((late.outcome, late.handler), (bypass, HandlerRun::Yes));
    assert_eq!(send(&router, request(&[("larder-token", &ahead)])).await, "BYPASS");
    let (in_time, _) = tokio::join!(explained(&ahead), cache.invalidate(Tag::new("other")));
    assert_eq!((in_time.outcome, in_time.handler), (Outcome::Hit(Tier::Memory), HandlerRun::No));
}

/// The policy does not declare these credentials, and the stored response does not permit sharing.
#[tokio::test]
async fn a_stored_response_is_not_for_a_request_with_credentials() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("a"));
    let router = router(&cache, hourly(), &origin);
    send(&router, request(&[])).await;
    for (name, reason) in [("authorization", BypassReason::Authorization), ("cookie", BypassReason::Cookie)] {
        let explanation = explain(&cache, &router, &[(name, "a=1")]).await;
        assert_eq!((explanation.outcome, explanation.handler), (Outcome::Bypass(reason), HandlerRun::Yes));
        assert_eq!(send(&router, request(&[(name, "a=1")])).await, "BYPASS", "{name}");
    }
}

/// From HTTP/2 on, no field needs to announce a body.
fn request_with_body() -> Request<Body> {
    let mut request = request(&[]).map(|_| Body::from("a body"));
    *request.version_mut() = Version::HTTP_2;
    request
}

#[tokio::test]
async fn a_request_with_a_body_is_a_bypass() {
    let (cache, _) = cache();
    let router = router(&cache, hourly(), &Origin::always(Answer::ok("a")));
    send(&router, request(&[])).await;
    let bypass = Outcome::Bypass(BypassReason::Body);
    for request in [request_with_body, || request(&[("content-length", "6")])] {
        let explanation = cache.explain(router.clone(), request()).await.unwrap();
        assert_eq!((explanation.outcome, explanation.handler), (bypass, HandlerRun::Yes));
        assert_eq!(send(&router, request()).await, "BYPASS");
    }
}

/// A layer of another cache passes the request on, and something between both may read its body.
#[tokio::test]
async fn the_body_of_an_explained_request_reaches_what_is_further_in() {
    let ((cache, _), (other, _)) = (cache(), cache());
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&bodies);
    let read = move |request: extract::Request, next: Next| {
        let noted = Arc::clone(&noted);
        async move {
            let (parts, body) = request.into_parts();
            let bytes = to_bytes(body, usize::MAX).await.unwrap();
            noted.lock().unwrap().push(bytes.clone());
            next.run(extract::Request::from_parts(parts, Body::from(bytes))).await
        }
    };
    let inner = router(&cache, hourly(), &Origin::always(Answer::ok("a"))).layer(from_fn(read));
    let router = Router::new().fallback_service(other.layer(hourly()).layer(inner));
    let explanation = cache.explain(router, request_with_body()).await.unwrap();
    assert_eq!(explanation.outcome, Outcome::Bypass(BypassReason::Body));
    assert_eq!(*bodies.lock().unwrap(), ["a body"]);
}

/// The first answer is good, and the others fail at a gate of their own.
fn failing_at(gates: &[Gate; 2]) -> Origin {
    let gates = gates.clone();
    Origin::new(move |_, call| match call {
        1 => Answer::ok("a"),
        call => Answer::status(http::StatusCode::BAD_GATEWAY).held_at(&gates[call - 2]),
    })
}

#[tokio::test]
async fn a_stale_response_stands_in_for_a_handler_that_runs_already_and_may_fail() {
    let (cache, clock) = cache();
    let gates = [Gate::new(), Gate::new()];
    let policy = hourly().stale_if_error(secs(600)).retry_after_error(secs(30));
    let router = router(&cache, policy, &failing_at(&gates));
    send(&router, request(&[])).await;
    clock.advance(secs(3600));
    let stale = Outcome::Stale(Tier::Memory, StaleReason::IfError);
    let expired = Outcome::Miss(MissReason::Expired);
    let expected = [(expired, Some(stale), HandlerRun::Shared), (stale, None, HandlerRun::No)];
    for (gate, expected) in gates.iter().zip(expected) {
        let filling = tokio::spawn({
            let router = router.clone();
            async move { send(&router, request(&[])).await }
        });
        soon("the handler", gate.arrived(1)).await;
        for _ in 0..2 {
            let Explanation { outcome, on_error, handler, .. } = explain(&cache, &router, &[]).await;
            assert_eq!((outcome, on_error, handler), expected);
            // Another attempt is due, but this one still runs.
            clock.advance(secs(30));
        }
        gate.open();
        assert_eq!(soon("the fill", filling).await.unwrap(), "STALE");
        clock.advance(secs(30));
    }
}
