//! What unsafe requests invalidate (RFC 9111 §4.4).

use http::Method;
use larder::Policy;

use crate::support::{answers, field, proxy};

const FRESH: (u16, &[(&str, &str)]) = (200, &[("cache-control", "max-age=60")]);

/// Whether the response at `stored` is refused after this request, to which these fields answer.
async fn is_invalidated(
    policy: Policy,
    (method, uri): (&str, &str),
    (status, fields): (u16, &[(&str, &str)]),
    stored: &str,
) -> bool {
    let proxy = proxy(policy, answers(&[FRESH, (status, fields), FRESH]));
    proxy.send("GET", stored, &[]).await;
    assert_eq!(proxy.send(method, uri, &[]).await.status(), status);
    let again = proxy.send("GET", stored, &[]).await;
    field(&again, "x-cache") == "MISS"
}

#[tokio::test]
async fn every_method_that_may_be_unsafe_invalidates_its_uri_unless_it_failed() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO"] {
        for (status, expected) in [(200, true), (204, true), (303, true), (404, false), (500, false)] {
            let found = is_invalidated(Policy::rfc9111(), (method, "/a"), (status, &[]), "/a").await;
            assert_eq!(found, expected, "{method} {status}");
        }
    }
    for method in ["OPTIONS", "TRACE"] {
        assert!(!is_invalidated(Policy::rfc9111(), (method, "/a"), (200, &[]), "/a").await, "{method}");
    }
}

#[tokio::test]
async fn a_method_that_is_declared_safe_invalidates_nothing() {
    let policy = || Policy::rfc9111().safe_method(Method::from_bytes(b"PROPFIND").unwrap());
    assert!(!is_invalidated(policy(), ("PROPFIND", "/a"), (200, &[]), "/a").await);
    assert!(is_invalidated(policy(), ("PROPPATCH", "/a"), (200, &[]), "/a").await);
    assert!(is_invalidated(Policy::rfc9111(), ("PROPFIND", "/a"), (200, &[]), "/a").await);
}

#[tokio::test]
async fn locations_of_the_same_origin_are_invalidated_too() {
    for name in ["location", "content-location"] {
        for (value, expected) in [
            ("/list?page=1", true),
            ("../list?page=1", true),
            ("http://shop.example/list?page=1", true),
            ("https://shop.example/list?page=1", true),
            ("http://SHOP.example:80/list?page=1#top", true),
            ("/list", false),
            ("http://other.example/list?page=1", false),
            ("http://shop.example:8080/list?page=1", false),
        ] {
            let fields: (u16, &[_]) = (201, &[(name, value)]);
            let found = is_invalidated(Policy::rfc9111(), ("POST", "/items/7"), fields, "/list?page=1");
            assert_eq!(found.await, expected, "{name}: {value}");
        }
        let fields: (u16, &[_]) = (500, &[(name, "/list")]);
        assert!(
            !is_invalidated(Policy::rfc9111(), ("POST", "/a"), fields, "/list").await,
            "only by a non-error"
        );
    }
    let fields: (u16, &[_]) = (201, &[("location", "/list")]);
    assert!(!is_invalidated(Policy::rfc9111().without_locations(), ("POST", "/a"), fields, "/list").await);
    let minute = std::time::Duration::from_secs(60);
    assert!(!is_invalidated(Policy::ttl(minute), ("POST", "/a"), fields, "/list").await);
    assert!(
        is_invalidated(Policy::ttl(minute).invalidate_locations(), ("POST", "/a"), fields, "/list").await
    );
}
