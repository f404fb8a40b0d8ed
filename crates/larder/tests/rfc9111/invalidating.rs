//! Invalidation by unsafe requests (RFC 9111 §4.4).

use http::Method;
use larder::Policy;

use crate::support::{answers, field, proxy};

const FRESH: (u16, &[(&str, &str)]) = (200, &[("cache-control", "max-age=60")]);

/// Whether the response at `stored` is refused after this request and its response.
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
    let cautious = || Policy::rfc9111().invalidate_failed_writes();
    for (status, expected) in [(404, false), (408, true), (500, true)] {
        let found = is_invalidated(cautious(), ("POST", "/a"), (status, &[]), "/a").await;
        assert_eq!(found, expected, "{status}");
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
    assert!(
        !is_invalidated(Policy::rfc9111().no_invalidate_locations(), ("POST", "/a"), fields, "/list").await
    );
    let minute = std::time::Duration::from_secs(60);
    assert!(!is_invalidated(Policy::ttl(minute), ("POST", "/a"), fields, "/list").await);
    assert!(
        is_invalidated(Policy::ttl(minute).invalidate_locations(), ("POST", "/a"), fields, "/list").await
    );
}

/// RFC 9875 §2.1, §3.
#[tokio::test]
async fn a_write_invalidates_the_groups_that_it_names_of_its_origin() {
    let grouped: (u16, &[_]) = (200, &[("cache-control", "max-age=60"), ("cache-groups", "\"a\", \"b\"")]);
    let write = |status, value| (status, vec![("cache-group-invalidation", value)]);
    for (policy, (status, fields), method, expected) in [
        (Policy::rfc9111(), write(200, "\"b\""), "POST", true),
        (Policy::rfc9111(), write(500, "\"a\""), "POST", true),
        (Policy::rfc9111(), write(200, "\"c\", \"A\""), "POST", false),
        (Policy::rfc9111(), write(200, "b"), "POST", false),
        (Policy::rfc9111(), write(200, "\"b\""), "OPTIONS", false),
        (Policy::rfc9111().no_cache_groups(), write(200, "\"b\""), "POST", false),
        (Policy::ttl(std::time::Duration::from_secs(60)), write(200, "\"b\""), "POST", false),
        (Policy::ttl(std::time::Duration::from_secs(60)).cache_groups(), write(200, "\"b\""), "POST", true),
    ] {
        let proxy = proxy(policy, answers(&[grouped, (status, &fields), grouped]));
        proxy.send("GET", "/page", &[]).await;
        proxy.send(method, "/other", &[]).await;
        let again = proxy.send("GET", "/page", &[]).await;
        assert_eq!(field(&again, "x-cache") == "MISS", expected, "{method} {status} {fields:?}");
    }
}

#[tokio::test]
async fn a_group_of_another_origin_is_another_group() {
    let grouped: (u16, &[_]) = (200, &[("cache-control", "max-age=60"), ("cache-groups", "\"a\"")]);
    let write: (u16, &[_]) = (200, &[("cache-group-invalidation", "\"a\"")]);
    let proxy = proxy(Policy::rfc9111(), answers(&[grouped, write, grouped]));
    proxy.send("GET", "/page", &[]).await;
    proxy.send("POST", "http://other.example/", &[("host", "other.example")]).await;
    assert_eq!(field(&proxy.send("GET", "/page", &[]).await, "x-cache"), "HIT");
}

#[tokio::test]
async fn a_response_is_known_by_the_tags_of_the_fields_that_the_policy_names() {
    let name = http::HeaderName::from_static("surrogate-key");
    let stored: (u16, &[_]) = (200, &[("cache-control", "max-age=60"), ("surrogate-key", "a product-7")]);
    for (policy, expected) in [(Policy::rfc9111().tags_from(name), "MISS"), (Policy::rfc9111(), "HIT")] {
        let proxy = proxy(policy, answers(&[stored, stored]));
        assert_eq!(field(&proxy.get(&[]).await, "surrogate-key"), "a product-7");
        let _ = proxy.cache.invalidate(larder::Tag::new("product-8")).await;
        assert_eq!(field(&proxy.get(&[]).await, "x-cache"), "HIT");
        let _ = proxy.cache.invalidate(larder::Tag::new("product-7")).await;
        assert_eq!(field(&proxy.get(&[]).await, "x-cache"), expected);
    }
}
