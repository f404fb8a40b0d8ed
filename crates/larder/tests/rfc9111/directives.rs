//! Directives of responses and requests (RFC 9111 §5.2), and those for this cache alone (RFC 9213).

use std::time::Duration;

use http::HeaderName;
use larder::Policy;

use crate::support::{answers, field, proxy};

/// RFC 9111 §5.2.2.4, §5.2.2.7.
#[tokio::test]
async fn fields_that_no_cache_or_private_list_are_for_the_first_client_alone() {
    for directive in ["no-cache", "private"] {
        let cache_control = format!("max-age=60, {directive}=\"x-a, x-b\"");
        let fields = &[("cache-control", &*cache_control), ("x-a", "1"), ("x-b", "2"), ("x-c", "3")];
        let proxy = proxy(Policy::rfc9111(), answers(&[(200, fields)]));
        assert_eq!(field(&proxy.get(&[]).await, "x-a"), "1");
        let second = proxy.get(&[]).await;
        assert_eq!(second.body(), "1");
        assert_eq!(["x-a", "x-b", "x-c"].map(|name| field(&second, name)), ["", "", "3"]);
    }
}

/// RFC 9111 §5.2.1, if the policy honors the directives of requests. It does not by default.
#[tokio::test]
async fn requests_decide_where_the_policy_lets_them() {
    let stored: &[_] = &[("cache-control", "max-age=60")];
    for (wait, request, expected) in [
        (10, ("cache-control", "no-cache"), false),
        (10, ("pragma", "no-cache"), false),
        (10, ("pragma", "foo"), true),
        (10, ("cache-control", "max-age=9"), false),
        (10, ("cache-control", "max-age=10"), true),
        (10, ("cache-control", "min-fresh=51"), false),
        (10, ("cache-control", "min-fresh=50"), true),
        (70, ("cache-control", "max-stale=10"), true),
        (70, ("cache-control", "max-stale=9"), false),
        (70, ("cache-control", "max-stale"), true),
        (10, ("cache-control", "only-if-cached"), true),
    ] {
        let served = async |policy: Policy| {
            let proxy = proxy(policy, answers(&[(200, stored), (200, &[])]));
            proxy.get(&[]).await;
            proxy.wait(wait);
            proxy.get(&[request]).await.body() == "1"
        };
        assert_eq!(served(Policy::rfc9111().honor_request_directives()).await, expected, "{request:?}");
        assert_eq!(served(Policy::rfc9111()).await, wait < 60, "{request:?}");
    }
}

/// RFC 9111 §5.2.1.7, and RFC 9211 §2 about responses that a cache generates itself.
#[tokio::test]
async fn only_if_cached_is_answered_with_504_where_nothing_is() {
    let proxy = proxy(
        Policy::rfc9111().honor_request_directives(),
        answers(&[(200, &[("cache-control", "max-age=60")])]),
    );
    let only = [("cache-control", "only-if-cached")];
    let answer = proxy.get(&only).await;
    assert_eq!((answer.status().as_u16(), proxy.origin.calls()), (504, 0));
    assert_eq!(field(&answer, "cache-status"), "");
    proxy.get(&[]).await;
    assert_eq!(proxy.get(&only).await.status(), 200);
    proxy.wait(60);
    assert_eq!(proxy.get(&only).await.status(), 504);
    assert_eq!(proxy.get(&[("cache-control", "only-if-cached, max-stale=5")]).await.status(), 200);
    assert_eq!(proxy.origin.calls(), 1);
}

#[tokio::test]
async fn no_store_of_a_request_is_obeyed_where_the_policy_says_so() {
    let proxy = proxy(
        Policy::rfc9111().honor_request_directives(),
        answers(&[(200, &[("cache-control", "max-age=60")]), (200, &[])]),
    );
    proxy.get(&[("cache-control", "no-store")]).await;
    assert_eq!(proxy.get(&[]).await.body(), "2");
}

/// RFC 8246 §2.
#[tokio::test]
async fn an_immutable_response_is_not_validated_for_a_reload_while_it_is_fresh() {
    for (cache_control, reload, expected) in [
        ("max-age=60", "max-age=0", "2"),
        ("max-age=60, immutable", "max-age=0", "1"),
        ("max-age=60, immutable", "no-cache", "2"),
        ("max-age=5, immutable", "max-age=0", "2"),
        ("max-age=5, stale-while-revalidate=60, immutable", "max-age=0", "2"),
    ] {
        let stored: &[_] = &[("cache-control", cache_control)];
        let proxy =
            proxy(Policy::rfc9111().honor_request_directives(), answers(&[(200, stored), (200, &[])]));
        proxy.get(&[]).await;
        proxy.wait(10);
        let answer = proxy.get(&[("cache-control", reload)]).await;
        assert_eq!(answer.body(), expected, "{cache_control} {reload}");
    }
}

/// RFC 5861 §4; RFC 9111 §4.2.4: "A cache MUST NOT generate a stale response if it is prohibited by
/// an explicit in-protocol directive".
#[tokio::test]
async fn a_stale_response_is_served_when_the_origin_fails_unless_that_is_forbidden() {
    let minute = Duration::from_secs(60);
    for (cache_control, policy, expected) in [
        ("max-age=2", Policy::rfc9111(), 503),
        ("max-age=2", Policy::rfc9111().stale_if_error(minute), 200),
        ("max-age=2, stale-if-error=60", Policy::rfc9111(), 200),
        ("max-age=2, stale-if-error=1", Policy::rfc9111().stale_if_error(minute), 503),
        ("max-age=2, must-revalidate", Policy::rfc9111().stale_if_error(minute), 503),
        ("max-age=2, proxy-revalidate", Policy::rfc9111().stale_if_error(minute), 503),
        ("max-age=2, no-cache", Policy::rfc9111().stale_if_error(minute), 503),
        ("s-maxage=2", Policy::rfc9111().stale_if_error(minute), 503),
        ("max-age=2, no-cache=\"x\"", Policy::rfc9111().stale_if_error(minute), 200),
    ] {
        let stored: &[_] = &[("cache-control", cache_control), ("etag", "\"a\"")];
        let proxy = proxy(policy, answers(&[(200, stored), (503, &[])]));
        proxy.get(&[]).await;
        proxy.wait(4);
        assert_eq!(proxy.get(&[]).await.status(), expected, "{cache_control}");
    }
}

/// RFC 9213 §2.2.
#[tokio::test]
async fn a_field_on_the_target_list_takes_the_place_of_cache_control() {
    let names = ["larder-cache-control", "cdn-cache-control"].map(HeaderName::from_static);
    let policy = || names.iter().cloned().fold(Policy::rfc9111(), Policy::targeted_cache_control);
    for (fields, targeting, else_) in [
        (&[("cdn-cache-control", "max-age=60"), ("cache-control", "no-store")][..], 1, 2),
        (&[("cdn-cache-control", "no-store"), ("cache-control", "max-age=60")], 2, 1),
        (&[("cdn-cache-control", "max-age=60"), ("larder-cache-control", "max-age=1")], 2, 2),
        (&[("cdn-cache-control", "max-age=60, &"), ("cache-control", "max-age=1")], 2, 2),
    ] {
        for (policy, expected) in [(policy(), targeting), (Policy::rfc9111(), else_)] {
            let proxy = proxy(policy, answers(&[(200, fields), (200, &[])]));
            proxy.get(&[]).await;
            proxy.wait(5);
            let second = proxy.get(&[]).await;
            assert_eq!(proxy.origin.calls(), expected, "{fields:?}");
            let passed_on = expected == 1 && fields[0].0 == "cdn-cache-control";
            assert_eq!(!field(&second, "cdn-cache-control").is_empty(), passed_on);
        }
    }
}
