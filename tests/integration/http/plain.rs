//! Without axum: a plain Tower service behind hyper, back-pressure, and bypassed requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Site, soon};
use tower::limit::ConcurrencyLimitLayer;
use tower::{ServiceBuilder, service_fn};

use crate::support::{all, at_once, cache, hourly, site};

#[tokio::test]
async fn a_plain_tower_service_is_cached() {
    let (cache, _) = cache();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let service = service_fn(move |request: Request<Incoming>| {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        let text = format!("{} {run}", request.uri());
        async move { Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(text)))) }
    });
    let site = Site::of_service(ServiceBuilder::new().layer(cache.layer(hourly())).service(service)).await;
    assert!(site.get("/a?b").await.is("MISS", "/a?b 0"));
    assert!(site.get("/a?b").await.is("HIT", "/a?b 0"));
    assert!(site.get("/a?c").await.is("MISS", "/a?c 1"));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

/// `Origin` panics if a clone is called that was not polled ready.
#[tokio::test]
async fn back_pressure_of_the_inner_service_is_honoured() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, _| Answer::ok(request.uri.path().to_owned()).held_at(&gate)
    });
    let service = ServiceBuilder::new()
        .layer(cache.layer(hourly()))
        .layer(ConcurrencyLimitLayer::new(2))
        .service(origin.clone());
    let site = Arc::new(Site::of_service(service).await);
    let mut waiting = Vec::new();
    for path in ["/a", "/b", "/c", "/d"] {
        waiting.extend(at_once(&site, path, 3));
    }
    soon("two calls", gate.arrived(2)).await;
    // This gives other tasks every chance to run.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(origin.calls(), 2, "the limit is two");
    gate.open();
    let pages = all(waiting).await;
    assert_eq!(pages.len(), 12);
    assert_eq!(origin.calls(), 4);
}

/// Every path through the cache, or around it, calls the clone that was ready.
#[tokio::test]
async fn only_a_ready_service_is_called() {
    let (cache, clock) = cache();
    let origin = Origin::always(Answer::ok("page"));
    let policy = hourly().stale_while_revalidate(crate::support::secs(60));
    let service = ServiceBuilder::new().layer(cache.layer(policy)).service(origin.clone());
    let site = Site::of_service(service).await;
    for _ in 0..2 {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::DELETE, Method::GET]
        {
            let page = site.ask(method.clone(), "/a").send().await;
            assert_eq!(page.status, StatusCode::OK, "{method}");
        }
        let range = site.ask(Method::GET, "/a").with("range", "bytes=0-1").send().await;
        assert_eq!(range.status, StatusCode::PARTIAL_CONTENT);
        clock.advance(crate::support::secs(3601));
        assert_eq!(site.get("/a").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn bodies_of_requests_are_passed_on_untouched() {
    let (cache, _) = cache();
    let service = service_fn(|request: Request<Incoming>| async move {
        let length = request.headers().get("content-length").cloned();
        let method = request.method().clone();
        let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes)?;
        let mut response = Response::new(Full::new(body));
        response.headers_mut().insert("x-method", method.as_str().parse().unwrap());
        response.headers_mut().insert("x-length", length.unwrap());
        Ok::<_, hyper::Error>(response)
    });
    let site = Site::of_service(ServiceBuilder::new().layer(cache.layer(hourly())).service(service)).await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::GET] {
        let body = format!("{method} {}", "x".repeat(100_000));
        let page = site.ask(method.clone(), "/a").body(body.clone()).send().await;
        assert_eq!(page.text(), body);
        assert_eq!(page.field("x-method"), method.as_str());
        assert_eq!(page.field("x-length"), body.len().to_string());
    }
    assert_eq!(cache.stats().bypasses.get("method"), Some(&4));
}

#[tokio::test]
async fn ranges_of_what_is_no_bytes_and_preconditions_go_to_the_handler() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let asked =
            |name| request.headers.get(name).map_or("", |value: &http::HeaderValue| value.to_str().unwrap());
        let text = format!("{}{}{}", asked("range"), asked("if-match"), asked("if-unmodified-since"));
        match text.as_str() {
            "" => Answer::ok("whole"),
            _ => Answer::status(StatusCode::PARTIAL_CONTENT).body(text),
        }
    });
    let site = crate::support::site(&cache, hourly(), &origin).await;
    assert!(site.get("/a").await.is("MISS", "whole"));
    for (name, value, detail) in [
        ("range", "items=0-1", "fwd=bypass; fwd-status=206; detail=range"),
        ("if-match", "\"a\"", "fwd=bypass; fwd-status=206; detail=precondition"),
        (
            "if-unmodified-since",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "fwd=bypass; fwd-status=206; detail=precondition",
        ),
    ] {
        for _ in 0..2 {
            let page = site.ask(Method::GET, "/a").with(name, value).send().await;
            assert_eq!((page.status, page.text().as_str()), (StatusCode::PARTIAL_CONTENT, value));
            assert_eq!(page.x_cache(), "BYPASS");
            assert_eq!(page.cache_status(), format!("Larder; {detail}"));
        }
        assert!(site.get("/a").await.is("HIT", "whole"), "{name}");
    }
}

/// A part of a representation is not the whole, even if the request did not ask for a part.
#[tokio::test]
async fn a_part_is_never_stored() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, call| {
        let answer = Answer::status(StatusCode::OK).body(format!("part {call}"));
        match request.uri.path() {
            "/status" => Answer::status(StatusCode::PARTIAL_CONTENT).body("part"),
            _ => answer.header("content-range", "bytes 0-1/9"),
        }
    });
    let site = crate::support::site(&cache, hourly(), &origin).await;
    for path in ["/status", "/status", "/field", "/field"] {
        assert_eq!(site.get(path).await.x_cache(), "MISS", "{path}");
    }
    assert_eq!(cache.stats().stored, 0);
}

/// RFC 9112 §3.2: HTTP/1.0 needs no `Host`.
#[tokio::test]
async fn old_and_odd_requests_are_served() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, call| Answer::ok(format!("{} {call};", request.uri.path())));
    let site = crate::support::site(&cache, hourly(), &origin).await;
    let old = site.raw("GET /a HTTP/1.0\r\n\r\n").await.to_end().await;
    assert!(old.contains("/a 1;"), "{old}");
    // The absolute form, and one with two different hosts.
    let mut same = site.raw("GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(same.until("/a 2;").await.contains("x-cache: MISS"));
    let mut other = site.raw("GET http://x/a HTTP/1.1\r\nHost: y\r\n\r\n").await;
    assert!(other.until("/a 3;").await.contains("x-cache: BYPASS"));
    // RFC 9112 §3.2: a request with two `Host` lines is not answered from a cache.
    let mut two = site.raw("GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n").await;
    let read = two.until("\r\n\r\n").await;
    assert!(read.contains("x-cache: BYPASS") || read.starts_with("HTTP/1.1 400"), "{read}");
    let mut again = site.raw("GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(again.until("/a 2;").await.contains("x-cache: HIT"));
}

/// A client that has the response and immediately asks again finds it stored, instead of joining
/// the fill.
#[tokio::test]
async fn a_response_is_stored_before_it_is_given() {
    use tower::ServiceExt as _;

    for streamed in [false, true] {
        let (cache, _) = cache();
        let answer = Answer::ok("page");
        let gate = Gate::new();
        gate.open();
        let steps = [larder_testing::Step::Hold(gate), larder_testing::Step::data("page")];
        let origin = Origin::always(if streamed { answer.steps(steps) } else { answer });
        let service = ServiceBuilder::new().layer(cache.layer(hourly())).service(origin);
        for x_cache in ["MISS", "HIT"] {
            let response = service.clone().oneshot(Request::new(())).await.unwrap();
            assert_eq!(response.headers()["x-cache"], x_cache, "{streamed}");
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "page");
        }
    }
}

/// The fields between a gateway and its service need a shared log.
#[tokio::test]
async fn a_cache_without_a_store_adds_no_field_to_requests_and_passes_on_no_position() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let is_marked = request.headers.contains_key("larder-fill");
        Answer::ok(is_marked.to_string()).header("larder-position", "1")
    });
    let site = site(&cache, hourly(), &origin).await;
    for x_cache in ["MISS", "HIT"] {
        let page = site.get("/a").await;
        assert!(page.is(x_cache, "false"), "{page:?}");
        assert_eq!(page.all("larder-position").len(), 0, "{x_cache}");
    }
}
