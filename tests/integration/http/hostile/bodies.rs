//! Unexpected bodies, partial responses in place of complete ones, and heads in place of both.

use axum::Router;
use axum::body::Bytes;
use axum::routing;
use http::{Method, Request, Version};
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;
use tower::ServiceExt as _;

use super::{get, raw, raw_with};
use crate::support::{cache, hourly, site};

/// A "fat GET": no key includes the body, but a handler may read it.
#[tokio::test]
async fn a_get_with_a_body_bypasses_the_cache() {
    let (cache, _) = cache();
    let handler = |body: Bytes| async move { format!("found {}", String::from_utf8_lossy(&body)) };
    let site = Site::of(Router::new().route("/a", routing::get(handler).layer(cache.layer(hourly())))).await;
    let fat = async |fields: &str, body: &str| {
        raw_with(&site, &format!("GET /a HTTP/1.1\r\nHost: shop.example\r\n{fields}"), body).await
    };
    for _ in 0..2 {
        for (fields, body) in [
            ("Content-Length: 4", "evil"),
            ("content-length: 4\r\nContent-Type: application/x-www-form-urlencoded", "evil"),
            ("Transfer-Encoding: chunked", "4\r\nevil\r\n0\r\n\r\n"),
        ] {
            let reply = fat(fields, body).await;
            assert_eq!((reply.summary(), reply.detail()), (("BYPASS", "found evil"), "body"), "{fields}");
        }
    }
    // An empty body is no body, announced or not.
    assert_eq!(fat("Content-Length: 0", "").await.summary(), ("MISS", "found "));
    assert_eq!(get(&site, "/a").await.summary(), ("HIT", "found "));
    // A client that sends one gets the response to it, and not the stored one.
    assert_eq!(fat("Content-Length: 4", "evil").await.summary(), ("BYPASS", "found evil"));
    // Two contradicting lengths, as in request smuggling, are rejected, or the connection ends with
    // the request.
    let reply = fat("Content-Length: 4\r\nContent-Length: 5", "evil").await;
    assert_eq!(reply.status(), "400");
    let reply =
        fat("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
    assert!(reply.status() == "400" || reply.x_cache() == "BYPASS", "{reply:?}");
    assert_eq!(get(&site, "/a").await.summary(), ("HIT", "found "));
}

/// From HTTP/2 on, no field needs to announce a body.
#[tokio::test]
async fn a_body_without_a_field_is_seen_too() {
    let (cache, _) = cache();
    let handler = |body: Bytes| async move { format!("found {}", String::from_utf8_lossy(&body)) };
    let router = Router::new().route("/a", routing::get(handler)).layer(cache.layer(hourly()));
    for (body, x_cache) in [("evil", "BYPASS"), ("", "MISS"), ("", "HIT"), ("evil", "BYPASS")] {
        let mut request = Request::get("http://shop.example/a").version(Version::HTTP_2);
        request = request.header("x-any", "x");
        let request = request.body(axum::body::Body::from(body)).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["x-cache"], x_cache, "{body:?}");
        let text = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(text, format!("found {body}"));
    }
}

/// A response to HEAD has no body, and one to GET has one, in either order.
#[tokio::test]
async fn a_head_never_stands_for_a_page() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        Answer::ok(if request.method == Method::HEAD { String::new() } else { "page".to_owned() })
    });
    let site = site(&cache, hourly(), &origin).await;
    for path in ["/a", "/b"] {
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: shop.example");
        for _ in 0..2 {
            assert_eq!(raw(&site, &head).await.body, "");
        }
        assert_eq!(get(&site, path).await.body, "page");
        let after = raw(&site, &head).await;
        assert_eq!((after.summary(), after.field("content-length")), (("HIT", ""), "4"));
        assert_eq!(get(&site, path).await.summary(), ("HIT", "page"));
    }
    for method in ["GETX", "get", "TRACE", "OPTIONS", "PROPFIND"] {
        let reply = raw(&site, &format!("{method} /a HTTP/1.1\r\nHost: shop.example")).await;
        assert_ne!(reply.x_cache(), "HIT", "{method}");
    }
}

/// Ranges and conditions make a handler answer with a part or with nothing. Neither is the page.
#[tokio::test]
async fn a_part_or_an_empty_answer_is_never_stored_as_the_page() {
    let origin = Origin::new(|request, _| {
        let has = |name| request.headers.contains_key(name);
        match () {
            () if has("range") => Answer::status(http::StatusCode::PARTIAL_CONTENT).body("pa"),
            () if has("if-none-match") || has("if-modified-since") => {
                Answer::status(http::StatusCode::NOT_MODIFIED)
            }
            () if has("if-match") || has("if-unmodified-since") => {
                Answer::status(http::StatusCode::PRECONDITION_FAILED)
            }
            () => Answer::ok("page").header("etag", "\"1\""),
        }
    });
    for line in [
        "Range: bytes=0-1",
        "range: lines=1-2",
        "Range: bytes=0-1\r\nIf-Range: \"1\"",
        "If-None-Match: *",
        "If-None-Match: \"1\", \"",
        "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT",
        "If-Modified-Since: evil",
        "If-Match: \"evil\"",
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
    ] {
        let (cache, _) = cache();
        let site = site(&cache, hourly(), &origin).await;
        let lines = format!("GET /a HTTP/1.1\r\nHost: shop.example\r\n{line}");
        for _ in 0..2 {
            raw(&site, &lines).await;
            let page = get(&site, "/a").await;
            assert_eq!((page.status(), page.body.as_str()), ("200", "page"), "{line}");
        }
        assert_eq!(get(&site, "/a").await.summary(), ("HIT", "page"), "{line}");
    }
}
