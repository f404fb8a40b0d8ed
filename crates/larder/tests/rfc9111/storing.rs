//! Storing responses, and their lifetimes (RFC 9111 §3, §4.2).

use std::sync::Arc;

use http::StatusCode;
use larder::Policy;
use larder_testing::{Answer, Gate, Origin};

use crate::support::{answers, before, field, proxy};

/// Whether the second of two equal requests is answered without the origin.
///
/// It is sent `after` seconds after the first.
async fn is_reused(policy: Policy, status: u16, fields: &[(&str, &str)], after: u64) -> bool {
    let proxy = proxy(policy, answers(&[(status, fields), (200, &[])]));
    assert_eq!(proxy.get(&[]).await.status(), status, "{fields:?}");
    proxy.wait(after);
    proxy.get(&[]).await;
    proxy.origin.calls() == 1
}

#[tokio::test]
async fn every_final_status_is_reused_for_as_long_as_it_says_and_no_longer() {
    for status in [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599] {
        let fields = &[("cache-control", "max-age=10")];
        assert!(is_reused(Policy::rfc9111(), status, fields, 9).await, "{status}");
        assert!(!is_reused(Policy::rfc9111(), status, fields, 10).await, "{status}");
    }
    assert!(!is_reused(Policy::rfc9111(), 200, &[], 0).await);
    let must_understand = &[("cache-control", "max-age=10, must-understand")];
    assert!(!is_reused(Policy::rfc9111(), 599, must_understand, 0).await);
    assert!(is_reused(Policy::rfc9111(), 404, must_understand, 0).await);
}

#[tokio::test]
async fn a_lifetime_is_guessed_where_that_is_allowed_and_not_switched_off() {
    // The clock of the cache stands at 1 January 2026. The response has no date, so it is dated
    // by that clock.
    let undated: &[_] = &[("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT")];
    for (policy, status, expected) in
        [(Policy::rfc9111(), 201, false), (Policy::rfc9111().no_heuristic_freshness(), 404, false)]
    {
        assert_eq!(is_reused(policy, status, undated, 0).await, expected, "{status}");
    }
    assert!(is_reused(Policy::rfc9111(), 404, undated, 0).await);
    assert!(!is_reused(Policy::rfc9111(), 404, undated, 24 * 60 * 60).await);
    let a_second = std::time::Duration::from_secs(1);
    assert!(!is_reused(Policy::rfc9111().heuristic_freshness(a_second), 404, undated, 1).await);
}

#[tokio::test]
async fn cookies_of_requests_do_not_matter_and_those_of_responses_by_a_switch() {
    let fields = &[("cache-control", "max-age=10"), ("set-cookie", "a=b")];
    assert!(!is_reused(Policy::rfc9111(), 200, fields, 0).await);
    let proxy = proxy(Policy::rfc9111().store_set_cookie(), answers(&[(200, fields)]));
    proxy.get(&[("cookie", "c=d")]).await;
    let second = proxy.get(&[("cookie", "e=f")]).await;
    assert_eq!((second.body().as_str(), &*field(&second, "set-cookie")), ("1", "a=b"));
}

#[tokio::test]
async fn a_response_gains_only_a_date_and_the_fields_of_the_cache() {
    let proxy = proxy(Policy::rfc9111(), answers(&[(200, &[("cache-control", "max-age=10")])]));
    proxy.get(&[]).await;
    let second = proxy.get(&[]).await;
    let names: Vec<_> = second.headers().keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["age", "cache-status", "cache-control", "date", "x-cache"]);
}

/// RFC 9111 §3.1, RFC 9110 §7.6.1: a field about one connection or one proxy is sent only once.
#[tokio::test]
async fn connection_and_proxy_fields_are_not_forwarded() {
    let gone = [
        ("connection", "close, X-Hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authentication-info", "a=b"),
        ("proxy-authorization", "Basic a"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("trailer", "x-end"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("age", "5"),
    ];
    let stored =
        [("x-kept", "2"), ("content-md5", "3"), ("content-range", "bytes 0-0/1"), ("warning", "199 - a")];
    let fields: Vec<_> = gone.into_iter().chain(stored).chain([("cache-control", "max-age=60")]).collect();
    let proxy = proxy(Policy::rfc9111(), answers(&[(200, &fields)]));
    let first = proxy.get(&[]).await;
    for (name, value) in gone {
        // The length of this body is known by now, so `Transfer-Encoding` is removed.
        let expected = if name == "transfer-encoding" { "" } else { value };
        assert_eq!(field(&first, name), expected, "the first client gets the fields of the origin");
    }
    let second = proxy.get(&[]).await;
    assert_eq!((second.body().as_str(), &*field(&second, "age")), ("1", "5"));
    for (name, _) in gone.into_iter().filter(|(name, _)| *name != "age") {
        assert_eq!(field(&second, name), "", "{name}");
    }
    for (name, value) in stored {
        assert_eq!(field(&second, name), value, "{name}");
    }
}

/// RFC 9111 §5.5: `Warning` is obsolete.
#[tokio::test]
async fn no_warning_field_is_added() {
    let hour = std::time::Duration::from_secs(3600);
    let policy = Policy::rfc9111().stale_if_error(hour);
    let proxy = proxy(policy, answers(&[(200, &[("cache-control", "max-age=2")]), (503, &[])]));
    proxy.get(&[]).await;
    proxy.wait(5);
    let stale = proxy.get(&[]).await;
    assert_eq!((stale.body().as_str(), &*field(&stale, "warning")), ("1", ""));
    assert_eq!(
        field(&stale, "cache-status"),
        "Larder; fwd=stale; fwd-status=503; ttl=-3; detail=\"memory, stale-if-error\""
    );
}

/// RFC 9111 §5.2.2.5: a cache "MUST NOT use the response to satisfy any other request". This also
/// holds for a request that arrives at the same time.
#[tokio::test]
async fn a_failure_that_must_not_be_stored_is_for_one_client() {
    const ONLY: (&str, &str) = ("cache-control", "only-if-cached");
    let cases: [(_, &'static [_], _); 4] =
        [("foo", &[], 1), ("no-store", &[], 2), ("private", &[], 2), ("foo", &[ONLY], 2)];
    for (cache_control, fields, calls) in cases {
        let gate = Gate::new();
        let failure =
            Answer::status(StatusCode::INTERNAL_SERVER_ERROR).header("cache-control", cache_control);
        let proxy = Arc::new(before(Policy::rfc9111(), Origin::always(failure.held_at(&gate))));
        let send = |fields| {
            let proxy = Arc::clone(&proxy);
            tokio::spawn(async move { proxy.get(fields).await.status() })
        };
        // A cache behind this one may honor a directive that this one ignores.
        let first = send(fields);
        gate.arrived(1).await;
        let second = send(&[]);
        // All runs on one thread. After this loop the second request waits for the first.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        gate.open();
        assert_eq!(
            (first.await.unwrap(), second.await.unwrap()),
            (StatusCode::INTERNAL_SERVER_ERROR, StatusCode::INTERNAL_SERVER_ERROR)
        );
        assert_eq!(proxy.origin.calls(), calls, "{cache_control} {fields:?}");
    }
}

#[tokio::test]
async fn a_response_to_authorization_is_shared_if_it_says_so() {
    for (cache_control, expected) in [
        ("max-age=10", false),
        ("max-age=10, public", true),
        ("s-maxage=10", true),
        ("max-age=10, must-revalidate", true),
    ] {
        let proxy =
            proxy(Policy::rfc9111(), answers(&[(200, &[("cache-control", cache_control)]), (200, &[])]));
        proxy.get(&[("authorization", "Basic a")]).await;
        proxy.get(&[("authorization", "Basic b")]).await;
        assert_eq!(proxy.origin.calls() == 1, expected, "{cache_control}");
    }
}
