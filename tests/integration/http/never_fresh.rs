//! Responses that no other request can use: requests for them do not wait for each other.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode};
use larder::{Policy, Tag};
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::soon;

use crate::support::{all, at_once, cache, hourly, secs, site, site_behind_door};

/// A response that is stored to be validated, but is never fresh, and its policy.
fn never_fresh() -> [(Policy, &'static str, &'static str); 4] {
    [
        (Policy::rfc9111(), "no-cache", "no-cache"),
        (Policy::rfc9111(), "max-age=0", "expired"),
        (hourly(), "no-cache", "no-cache"),
        (hourly(), "max-age=0, must-revalidate", "expired"),
    ]
}

/// Answers the first calls at once, and holds the others. Confirms the tag `"v1"`.
fn validating(control: &'static str, held_from: usize, gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::new(move |request, call| {
        let answer = match request.headers.get("if-none-match") {
            Some(tag) if tag == "\"v1\"" => Answer::status(StatusCode::NOT_MODIFIED),
            _ => Answer::ok("v1"),
        };
        let answer = answer.header("cache-control", control).header("etag", "\"v1\"");
        if call < held_from { answer } else { answer.held_at(&gate) }
    })
}

#[tokio::test]
async fn requests_for_a_response_that_is_never_fresh_do_not_wait_for_each_other() {
    for (policy, control, reason) in never_fresh() {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = validating(control, 2, &gate);
        let site = Arc::new(site(&cache, policy, &origin).await);
        assert!(site.get("/a").await.is("MISS", "v1"), "{control}");
        let burst = at_once(&site, "/a", 20);
        soon("all of them in the handler", gate.arrived(20)).await;
        gate.open();
        for page in all(burst).await {
            assert!(page.is("MISS", "v1"), "{control}");
            let status = format!("Larder; fwd=stale; fwd-status=304; stored; detail={reason}");
            assert_eq!(page.cache_status(), status, "each validates it for itself");
        }
        let asked = origin.requests();
        assert!(asked[1..].iter().all(|request| request.headers["if-none-match"] == "\"v1\""), "{control}");
    }
}

/// A client's own condition is judged by the validated response.
#[tokio::test]
async fn a_client_with_a_condition_of_its_own_gets_its_304() {
    let (cache, _) = cache();
    let site = site(&cache, Policy::rfc9111(), &validating("no-cache", 9, &Gate::new())).await;
    for (tag, status) in [("\"v1\"", 200), ("\"v1\"", 304), ("\"v0\"", 200), ("\"v1\"", 304)] {
        let first = site.ask(Method::GET, "/a");
        let ask = if status == 200 && tag == "\"v1\"" { first } else { first.with("if-none-match", tag) };
        assert_eq!(ask.send().await.status.as_u16(), status, "{tag}");
    }
}

/// At first nothing is known, so the requests wait for one of them: only until its head is there.
#[tokio::test]
async fn the_first_requests_wait_for_the_head_alone() {
    for (policy, control, _) in never_fresh() {
        let (cache, _) = cache();
        let (head, body, others) = (Gate::new(), Gate::new(), Gate::new());
        let origin = Origin::new({
            let (head, body, others) = (head.clone(), body.clone(), others.clone());
            move |_, call| {
                let answer = Answer::ok("").header("cache-control", control).header("etag", "\"v1\"");
                match call {
                    1 => answer
                        .steps([Step::data("v"), Step::Hold(body.clone()), Step::data("1")])
                        .held_at(&head),
                    _ => answer.body("v1").held_at(&others),
                }
            }
        });
        // Without the rule, they would wait for this long.
        let policy = policy.unknown_length_wait(secs(10));
        let (site, door) = site_behind_door(&cache, policy, &origin).await;
        let waiting = at_once(&site, "/a", 10);
        door.came(10).await;
        let begun = Instant::now();
        head.open();
        soon("the others in the handler", others.arrived(9)).await;
        assert!(begun.elapsed() < secs(8), "{control}");
        others.open();
        body.open();
        assert!(all(waiting).await.iter().all(|page| page.text() == "v1"), "{control}");
    }
}

#[tokio::test]
async fn a_response_that_becomes_fresh_is_shared_again() {
    let (cache, _) = cache();
    let origin = Origin::new(|_, call| {
        let control = if call < 3 { "no-cache" } else { "max-age=60" };
        Answer::ok(format!("v{call}")).header("cache-control", control).header("etag", format!("\"v{call}\""))
    });
    let site = site(&cache, Policy::rfc9111(), &origin).await;
    for expected in ["v1", "v2", "v3"] {
        assert!(site.get("/a").await.is("MISS", expected));
    }
    assert!(site.get("/a").await.is("HIT", "v3"));
}

/// The record of a never-fresh response ends after a while, and with an invalidation.
#[tokio::test]
async fn after_a_while_or_an_invalidation_requests_wait_again() {
    for invalidate in [false, true] {
        let (cache, clock) = cache();
        let gate = Gate::new();
        let origin = validating("no-cache", 2, &gate);
        let (site, door) = site_behind_door(&cache, Policy::rfc9111().tag("thing"), &origin).await;
        site.get("/a").await;
        door.came(1).await;
        if invalidate {
            let _ = cache.invalidate(Tag::new("thing")).await;
        } else {
            clock.advance(secs(10));
        }
        let waiting = at_once(&site, "/a", 10);
        door.came(10).await;
        assert_eq!(origin.calls(), 2);
        gate.open();
        all(waiting).await;
    }
}

/// While requests come, the key stays hit-for-miss.
#[tokio::test]
async fn a_run_without_followers_renews_the_hit_for_miss_time() {
    for (control, fields) in [("no-store", &[][..]), ("private", &[]), ("no-cache", &[("etag", "\"v1\"")])] {
        let (cache, clock) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |_, call| {
                let answer = Answer::ok("v1").header("cache-control", control);
                let answer = fields.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value));
                if call < 5 { answer } else { answer.held_at(&gate) }
            }
        });
        let site = Arc::new(site(&cache, Policy::rfc9111(), &origin).await);
        for _ in 0..4 {
            site.get("/a").await;
            clock.advance(secs(8));
        }
        let burst = at_once(&site, "/a", 20);
        soon("all of them in the handler", gate.arrived(20)).await;
        gate.open();
        all(burst).await;
    }
}

/// A conditional response, a part or a failure says nothing about the whole response.
#[tokio::test]
async fn other_responses_do_not_renew_the_hit_for_miss_time() {
    let unrelated: [(Method, &str, &str, u16); 4] = [
        (Method::GET, "if-none-match", "\"v1\"", 304),
        (Method::GET, "range", "bytes=0-0", 206),
        (Method::HEAD, "x-any", "any", 200),
        (Method::GET, "x-any", "any", 503),
    ];
    for (method, name, value, status) in unrelated {
        let (cache, clock) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |_, call| match call {
                1 => Answer::ok("v1").header("cache-control", "no-store"),
                2 => {
                    Answer::status(StatusCode::from_u16(status).unwrap()).header("cache-control", "no-store")
                }
                _ => Answer::ok("v1").held_at(&gate),
            }
        });
        let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
        site.get("/a").await;
        clock.advance(secs(8));
        site.ask(method.clone(), "/a").with(name, value).send().await;
        clock.advance(secs(8));
        door.came(2).await;
        let waiting = at_once(&site, "/a", 5);
        door.came(5).await;
        assert_eq!(origin.calls(), 3, "{method} {name} {status}");
        gate.open();
        all(waiting).await;
    }
}
