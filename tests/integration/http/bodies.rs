//! Bodies of every kind: too large, slow, endless, broken, and abandoned by the client.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::soon;

use crate::support::{all, at_once, cache, hourly, next, secs, site, site_behind_door};

#[tokio::test]
async fn a_body_of_up_to_the_limit_is_stored_and_a_larger_one_is_passed_on_untouched() {
    let sizes = [0, 1, 999, 1000, 1001, 5000, 300_000];
    for size in sizes {
        let body = Bytes::from(vec![b'x'; size]);
        let in_steps = body.chunks(700).map(|part| Step::data(part.to_vec()));
        for (answer, length) in [
            (Answer::ok(body.clone()), size.to_string()),
            (Answer::status(StatusCode::OK).steps(in_steps), String::new()),
        ] {
            let (cache, _) = cache();
            let origin = Origin::always(answer);
            let site = site(&cache, hourly().max_body(1000), &origin).await;
            let first = site.get("/a").await;
            assert_eq!(first.body, body, "{size}");
            if !length.is_empty() || size > 1000 {
                assert_eq!(first.field("content-length"), length, "{size}");
            }
            let again = site.get("/a").await;
            assert_eq!(again.body, body, "{size}");
            let stored = size <= 1000;
            assert_eq!(again.x_cache(), if stored { "HIT" } else { "MISS" }, "{size} {length}");
            assert_eq!(cache.stats().stored, u64::from(stored), "{size}");
            assert_eq!(origin.calls(), if stored { 1 } else { 2 }, "{size}");
        }
    }
}

/// The default limit is one mebibyte.
#[tokio::test]
async fn the_default_limit_is_a_mebibyte() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| match request.uri.path() {
        "/fits" => Answer::ok(vec![b'x'; 1 << 20]),
        _ => Answer::ok(vec![b'x'; (1 << 20) + 1]),
    });
    let site = site(&cache, hourly(), &origin).await;
    for (path, again) in [("/fits", "HIT"), ("/does-not", "MISS")] {
        let first = site.get(path).await;
        assert_eq!(first.x_cache(), "MISS", "{path}");
        let second = site.get(path).await;
        assert_eq!(second.x_cache(), again, "{path}");
        assert_eq!(first.body, second.body, "{path}");
    }
    assert_eq!(cache.stats().not_stored.get("too-large"), Some(&2));
}

/// If a body is too large, waiting requests continue.
#[tokio::test]
async fn a_request_that_waits_for_a_body_that_is_too_large_goes_on() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| {
            Answer::status(StatusCode::OK).steps([
                Step::data(vec![b'x'; 600]),
                Step::Hold(gate.clone()),
                Step::data(vec![b'x'; 600]),
            ])
        }
    });
    let (site, door) = site_behind_door(&cache, hourly().max_body(1000), &origin).await;
    let waiting = at_once(&site, "/a", 5);
    soon("the first", gate.arrived(1)).await;
    door.came(5).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.body.len() == 1200));
    assert_eq!(origin.calls(), 5);
    assert_eq!(cache.stats().stored, 0);
}

#[tokio::test]
async fn the_client_has_the_first_bytes_before_the_last_are_made() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::status(StatusCode::OK).steps([
        Step::data("first "),
        Step::Hold(gate.clone()),
        Step::data("last"),
    ]));
    let site = site(&cache, hourly(), &origin).await;
    let mut response = site.ask(Method::GET, "/a").head().await.unwrap();
    assert_eq!(response.headers()["x-cache"], "MISS");
    assert_eq!(next(&mut response).await, "first ");
    assert_eq!(cache.stats().stored, 0, "it is stored at its clean end, not before");
    gate.open();
    assert_eq!(next(&mut response).await, "last");
    assert!(soon("the end", response.frame()).await.is_none());
    assert!(site.get("/a").await.is("HIT", "first last"));
    assert_eq!(origin.calls(), 1);
}

/// Requests that wait for a body in progress get all of it.
#[tokio::test]
async fn a_body_that_is_being_made_is_made_once() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::status(StatusCode::OK).steps([
        Step::data("first "),
        Step::Hold(gate.clone()),
        Step::data("last"),
    ]));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let waiting = at_once(&site, "/a", 10);
    soon("the first", gate.arrived(1)).await;
    door.came(10).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.is("MISS", "first last")));
    assert_eq!(origin.calls(), 1);
}

/// Server-sent events: each client immediately gets its own stream, which ends with that client.
#[tokio::test]
async fn a_stream_of_events_is_nobody_elses() {
    let (cache, _) = cache();
    let origin = Origin::always(
        Answer::status(StatusCode::OK)
            .header("content-type", "text/event-stream")
            .steps([Step::data("data: 1\n\n"), Step::Stall]),
    );
    let site = site(&cache, hourly(), &origin).await;
    let mut open = Vec::new();
    for call in 1..=4 {
        let mut response = site.ask(Method::GET, "/events").head().await.unwrap();
        assert_eq!(next(&mut response).await, "data: 1\n\n");
        assert_eq!(origin.calls(), call);
        open.push(response);
    }
    assert_eq!(cache.stats().stored, 0);
}

/// An endless body without a typical media type is detected. No request waits for it forever.
#[tokio::test]
async fn a_body_that_does_not_end_holds_nobody_up_for_ever() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::status(StatusCode::OK).steps([Step::data("tick "), Step::Stall]));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let mut first = site.ask(Method::GET, "/a").head().await.unwrap();
    assert_eq!(next(&mut first).await, "tick ");
    door.came(1).await;
    let other = Arc::clone(&site);
    let second = tokio::spawn(async move { other.ask(Method::GET, "/a").head().await.unwrap() });
    door.came(1).await;
    // Only tokio's clock limits bodies.
    tokio::time::pause();
    tokio::time::advance(secs(20)).await;
    tokio::time::resume();
    let mut second = soon("the second", second).await.unwrap();
    assert_eq!(next(&mut second).await, "tick ");
    assert_eq!(origin.calls(), 2);
    // And this is remembered.
    let mut third = site.ask(Method::GET, "/a").head().await.unwrap();
    assert_eq!(next(&mut third).await, "tick ");
    assert_eq!(cache.stats().stored, 0);
}

/// A body ends in an error: its client sees the error, and nothing is stored.
#[tokio::test]
async fn a_body_that_breaks_off_is_not_stored_and_its_client_sees_that() {
    for hold in [false, true] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |_, call| {
                if call > 2 {
                    return Answer::ok("whole");
                }
                let mut steps = vec![Step::data("half")];
                if hold {
                    steps.push(Step::Hold(gate.clone()));
                }
                steps.push(Step::fail("the database is gone"));
                Answer::status(StatusCode::OK).steps(steps)
            }
        });
        gate.open();
        let site = site(&cache, hourly(), &origin).await;
        for _ in 0..2 {
            let read = site.raw("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await.to_end().await;
            assert!(!read.ends_with("0\r\n\r\n"), "{hold}: it looks whole: {read}");
        }
        assert_eq!(cache.stats().stored, 0);
        assert_eq!(cache.stats().not_stored.get("body-error"), Some(&2), "{hold}");
        assert!(site.get("/a").await.is("MISS", "whole"), "{hold}");
        assert_eq!(origin.calls(), 3);
    }
}

/// Waiting requests try again, one at a time.
#[tokio::test]
async fn a_request_that_waits_for_a_body_that_breaks_off_asks_again() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => Answer::status(StatusCode::OK).steps([
                Step::data("half"),
                Step::Hold(gate.clone()),
                Step::fail("gone"),
            ]),
            _ => Answer::ok("whole"),
        }
    });
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let mut first = site.ask(Method::GET, "/a").head().await.unwrap();
    assert_eq!(next(&mut first).await, "half");
    door.came(1).await;
    let waiting = at_once(&site, "/a", 10);
    door.came(10).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.text() == "whole"));
    assert!(soon("the error", first.frame()).await.unwrap().is_err());
    assert_eq!(origin.calls(), 2);
}

/// A client leaves in the middle of a body: the body is completed and stored.
#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_body_changes_nothing() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::status(StatusCode::OK).steps([
        Step::data("first "),
        Step::Hold(gate.clone()),
        Step::data("last"),
    ]));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let mut leaving = site.raw(&format!("GET /a HTTP/1.1\r\nHost: {}\r\n\r\n", site.host())).await;
    leaving.until("first ").await;
    door.came(1).await;
    drop(leaving);
    let waiting = at_once(&site, "/a", 1);
    door.came(1).await;
    gate.open();
    assert_eq!(all(waiting).await[0].text(), "first last");
    assert!(site.get("/a").await.is("HIT", "first last"));
    assert_eq!(origin.calls(), 1);
}

/// A slow client does not delay the fill or later requests.
#[tokio::test]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let (cache, _) = cache();
    let body = vec![b'x'; 900_000];
    let steps: Vec<_> = body.chunks(10_000).map(|part| Step::data(part.to_vec())).collect();
    let gate = Gate::new();
    let steps = [Step::data("y"), Step::Hold(gate.clone())].into_iter().chain(steps);
    let origin = Origin::always(Answer::status(StatusCode::OK).steps(steps));
    let site = site(&cache, hourly(), &origin).await;
    let mut slow = site.raw(&format!("GET /a HTTP/1.1\r\nHost: {}\r\n\r\n", site.host())).await;
    slow.until("y").await;
    gate.open();
    let page = site.get("/a").await;
    assert_eq!(page.body.len(), 900_001);
    assert_eq!(origin.calls(), 1);
}

/// RFC 9110 §6.5: trailers are forwarded, and a response with trailers is not stored.
#[tokio::test]
async fn trailers_reach_the_client() {
    let (cache, _) = cache();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    let origin = Origin::always(
        Answer::status(StatusCode::OK)
            .header("trailer", "x-sum")
            .steps([Step::data("body"), Step::Trailers(trailers)]),
    );
    let site = site(&cache, hourly(), &origin).await;
    for _ in 0..2 {
        let response = site.ask(Method::GET, "/a").with("te", "trailers").head().await.unwrap();
        let collected = soon("the body", response.into_body().collect()).await.unwrap();
        assert_eq!(collected.trailers().unwrap()["x-sum"], "7");
        assert_eq!(collected.to_bytes(), "body");
    }
    assert_eq!(cache.stats().stored, 0);
}

/// A hit has a length, no chunks, and no connection-specific fields of the stored response.
#[tokio::test]
async fn a_hit_has_a_length_and_nothing_of_another_connection() {
    let (cache, _) = cache();
    let origin = Origin::always(
        Answer::status(StatusCode::OK)
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("x-kept", "1")
            .header("x-kept", "2")
            .steps([Step::data("a"), Step::data("b")]),
    );
    let site = site(&cache, hourly(), &origin).await;
    site.get("/a").await;
    let hit = site.get("/a").await;
    assert!(hit.is("HIT", "ab"));
    assert_eq!(hit.field("content-length"), "2");
    assert_eq!(hit.all("x-kept"), ["1", "2"]);
    for gone in ["transfer-encoding", "x-hop", "connection"] {
        assert_eq!(hit.field(gone), "", "{gone}");
    }
}

/// RFC 9110 §9.3.2: HEAD is answered like GET, and its response is never stored as one to GET.
#[tokio::test]
async fn head_is_answered_from_the_cache_and_never_stored() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, _| match request.method {
        // Like axum: the length of the response to GET.
        Method::HEAD => Answer::status(StatusCode::OK).header("content-length", "4").steps([]),
        _ => Answer::ok("page"),
    });
    let site = site(&cache, hourly(), &origin).await;
    for call in 1..=2 {
        let head = site.ask(Method::HEAD, "/a").send().await;
        assert_eq!((head.x_cache().as_str(), head.field("content-length").as_str()), ("MISS", "4"));
        assert_eq!(origin.calls(), call);
    }
    assert!(site.get("/a").await.is("MISS", "page"));
    let get = site.get("/a").await;
    assert!(get.is("HIT", "page"));
    let head = site.ask(Method::HEAD, "/a").send().await;
    assert_eq!((head.x_cache().as_str(), head.text().as_str()), ("HIT", ""));
    for name in ["content-length", "etag", "cache-status", "age"] {
        assert_eq!(head.field(name), get.field(name), "{name}");
    }
    // The response is stale: a HEAD does not refresh or replace it.
    clock.advance(secs(3600));
    assert_eq!(site.ask(Method::HEAD, "/a").send().await.x_cache(), "MISS");
    assert!(site.get("/a").await.is("MISS", "page"));
    assert!(site.get("/a").await.is("HIT", "page"));
}

/// Statuses without a body stay without a body.
#[tokio::test]
async fn an_empty_response_is_stored_as_one() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::status(StatusCode::NO_CONTENT));
    let site = site(&cache, hourly(), &origin).await;
    for x_cache in ["MISS", "HIT", "HIT"] {
        let page = site.get("/a").await;
        assert_eq!((page.status, page.x_cache().as_str()), (StatusCode::NO_CONTENT, x_cache));
        // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with
        // a status code of […] 204 (No Content)".
        assert_eq!(page.field("content-length"), "");
        let head = site.ask(Method::HEAD, "/a").send().await;
        assert_eq!((head.status, head.field("content-length").as_str()), (StatusCode::NO_CONTENT, ""));
    }
}
