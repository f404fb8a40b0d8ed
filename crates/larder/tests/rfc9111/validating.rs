//! Validation, and the updates of stored responses that follow (RFC 9111 §4.3, §3.2).

use std::sync::Arc;

use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use larder::Policy;
use larder_testing::{Answer, Gate, Origin};

use crate::support::{answers, before, field, proxy};

#[tokio::test]
async fn a_stale_response_is_validated_by_its_validator_and_fresh_again_after_a_304() {
    for (validator, condition) in [
        (("etag", "\"a\""), IF_NONE_MATCH),
        (("etag", "W/\"a\""), IF_NONE_MATCH),
        (("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"), IF_MODIFIED_SINCE),
    ] {
        let stored = &[("cache-control", "max-age=2"), ("x-a", "old"), ("x-b", "kept"), validator];
        let confirmed = &[("cache-control", "max-age=9"), ("x-a", "new"), validator];
        let proxy = proxy(Policy::rfc9111(), answers(&[(200, stored), (304, confirmed)]));
        proxy.get(&[]).await;
        proxy.wait(2);
        for _ in 0..2 {
            let answer = proxy.get(&[]).await;
            assert_eq!((answer.status().as_u16(), answer.body().as_str()), (200, "1"));
            assert_eq!((&*field(&answer, "x-a"), &*field(&answer, "x-b")), ("new", "kept"));
            proxy.wait(8);
        }
        assert_eq!(proxy.origin.calls(), 2);
        assert_eq!(proxy.origin.requests()[1].headers[condition], validator.1);
    }
}

/// RFC 9111 §4.2.3: a response that another cache confirms has the age that the other cache states.
#[tokio::test]
async fn the_age_of_a_304_counts() {
    let stored: &[_] = &[("cache-control", "max-age=10"), ("etag", "\"a\"")];
    let aged: &[_] = &[("cache-control", "max-age=10"), ("etag", "\"a\""), ("age", "7")];
    let proxy = proxy(Policy::rfc9111(), answers(&[(200, stored), (304, aged), (200, stored)]));
    proxy.get(&[]).await;
    proxy.wait(10);
    for (age, wait) in [(7, 0), (7, 2), (9, 1)] {
        let answer = proxy.get(&[]).await;
        assert_eq!((answer.body().as_str(), field(&answer, "age")), ("1", age.to_string()));
        proxy.wait(wait);
    }
    assert_eq!(proxy.get(&[]).await.body(), "3");
}

/// RFC 9111 §4.3.4: "the cache MUST NOT use the new response to update any stored responses".
#[tokio::test]
async fn a_304_with_another_tag_lets_the_stored_response_be_used_and_changes_nothing() {
    let stored = &[("cache-control", "max-age=2"), ("etag", "\"a\""), ("x-a", "old")];
    let other = &[("cache-control", "max-age=9"), ("etag", "\"b\""), ("x-a", "new")];
    let proxy = proxy(Policy::rfc9111(), answers(&[(200, stored), (304, other), (200, other)]));
    proxy.get(&[]).await;
    proxy.wait(2);
    let answer = proxy.get(&[]).await;
    assert_eq!((answer.status().as_u16(), answer.body().as_str()), (200, "1"));
    assert_eq!((&*field(&answer, "etag"), &*field(&answer, "x-a")), ("\"a\"", "old"));
    assert_eq!(proxy.get(&[]).await.body(), "3", "it is as stale as before");
}

/// RFC 9111 §4.3.5.
#[tokio::test]
async fn a_response_to_head_updates_the_stored_one_to_get_if_it_is_of_the_same() {
    let stored: &[_] = &[("cache-control", "max-age=2"), ("etag", "\"a\""), ("x-a", "old"), ("x-b", "kept")];
    for (etag, updated) in [("\"a\"", true), ("\"b\"", false)] {
        let head: &[_] = &[("cache-control", "max-age=9"), ("etag", etag), ("x-a", "new")];
        let proxy = proxy(Policy::rfc9111(), answers(&[(200, stored), (200, head), (200, &[])]));
        proxy.get(&[]).await;
        proxy.wait(2);
        let answer = proxy.send("HEAD", "/", &[]).await;
        assert_eq!((&*field(&answer, "etag"), &*field(&answer, "x-a")), (etag, "new"));
        let answer = proxy.get(&[]).await;
        assert_eq!(proxy.origin.calls() == 2, updated, "{etag}");
        if updated {
            assert_eq!((answer.body().as_str(), &*field(&answer, "x-a")), ("1", "new"));
            assert_eq!(field(&answer, "x-b"), "kept");
        }
    }
}

/// RFC 9111 §4.3.5: "otherwise, the cache SHOULD consider the stored response to be stale". That
/// holds even if the response was fresh for ordinary requests.
#[tokio::test]
async fn a_stored_response_that_head_contradicts_is_stale() {
    let stored: &[_] = &[("cache-control", "max-age=60"), ("etag", "\"a\"")];
    let reload = [("cache-control", "no-cache")];
    for (head, stale) in [
        (&[("cache-control", "max-age=60"), ("etag", "\"a\"")][..], false),
        (&[("cache-control", "max-age=60"), ("etag", "\"b\"")], true),
        (&[("cache-control", "max-age=60"), ("content-length", "2")], true),
        (&[("cache-control", "no-store"), ("etag", "\"a\"")], true),
    ] {
        let proxy = proxy(
            Policy::rfc9111().honor_request_directives(),
            answers(&[(200, stored), (200, head), (503, &[])]),
        );
        proxy.get(&[]).await;
        proxy.wait(7);
        proxy.send("HEAD", "/", &reload).await;
        let stale_one = proxy.get(&[("cache-control", "max-stale=5")]).await;
        assert_eq!((stale_one.status(), stale_one.body().as_str()), (http::StatusCode::OK, "1"), "{head:?}");
        assert_eq!(field(&stale_one, "age") == "7", stale, "{head:?}");
        assert_eq!(proxy.origin.calls(), 2);
        proxy.get(&[]).await;
        assert_eq!(proxy.origin.calls() == 3, stale, "{head:?}");
    }
}

/// A response that is invalidated during a `HEAD` must not become usable again because of it.
#[tokio::test]
async fn an_update_by_head_does_not_outlive_an_invalidation() {
    let gate = Gate::new();
    let at = gate.clone();
    let origin = Origin::new(move |request, call| {
        let answer = Answer::ok(call.to_string()).header("cache-control", "max-age=9");
        if request.method == http::Method::HEAD { answer.held_at(&at) } else { answer }
    });
    let proxy = Arc::new(before(Policy::rfc9111().tag("page"), origin));
    proxy.get(&[]).await;
    proxy.wait(9);
    let sender = Arc::clone(&proxy);
    let head = tokio::spawn(async move { sender.send("HEAD", "/", &[]).await.status() });
    gate.arrived(1).await;
    let _ = proxy.cache.invalidate(larder::Tag::new("page")).await;
    gate.open();
    assert_eq!(head.await.unwrap(), 200);
    assert_eq!(proxy.get(&[]).await.body(), "3");
}

/// The response to `HEAD` may be older than the response that a `GET` has stored since.
#[tokio::test]
async fn an_update_by_head_does_not_take_the_place_of_a_newer_response() {
    for tag in ["\"1\"", "\"0\""] {
        let gate = Gate::new();
        let at = gate.clone();
        let origin = Origin::new(move |request, call| {
            let answer = Answer::ok(call.to_string()).header("cache-control", "max-age=60");
            match request.method == http::Method::HEAD {
                true => answer.header("etag", tag).held_at(&at),
                false => answer.header("etag", format!("\"{call}\"")),
            }
        });
        let proxy = Arc::new(before(Policy::rfc9111().honor_request_directives(), origin));
        proxy.get(&[]).await;
        let sender = Arc::clone(&proxy);
        let reload = [("cache-control", "no-cache")];
        let head = tokio::spawn(async move { sender.send("HEAD", "/", &reload).await.status() });
        gate.arrived(1).await;
        proxy.wait(1);
        assert_eq!(proxy.get(&reload).await.body(), "3");
        gate.open();
        assert_eq!(head.await.unwrap(), 200);
        assert_eq!(proxy.get(&[]).await.body(), "3");
        assert_eq!(proxy.origin.calls(), 3);
    }
}

#[tokio::test]
async fn an_application_s_policy_takes_nothing_from_head() {
    let stored: &[_] = &[("cache-control", "max-age=2")];
    let head: &[_] = &[("cache-control", "max-age=9")];
    let minute = std::time::Duration::from_secs(60);
    let proxy = proxy(Policy::ttl(minute).jitter(0.0), answers(&[(200, stored), (200, head), (200, &[])]));
    proxy.get(&[]).await;
    proxy.wait(2);
    proxy.send("HEAD", "/", &[]).await;
    assert_eq!(proxy.get(&[]).await.body(), "3");
}

/// RFC 9111 §4.3.2, and RFC 9110 §13.1.3: without `Last-Modified`, the date counts.
#[tokio::test]
async fn conditional_requests_are_answered_from_what_is_stored() {
    let fields: &[_] =
        &[("cache-control", "max-age=60"), ("etag", "\"a\""), ("date", "Thu, 01 Jan 2026 00:00:00 GMT")];
    let proxy = proxy(Policy::rfc9111(), answers(&[(200, fields)]));
    proxy.get(&[]).await;
    for (condition, expected) in [
        (("if-none-match", "\"a\""), 304),
        (("if-none-match", "W/\"a\""), 304),
        (("if-none-match", "\"b\", \"a\""), 304),
        (("if-none-match", "\"b\""), 200),
        (("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT"), 304),
        (("if-modified-since", "Wed, 31 Dec 2025 23:59:59 GMT"), 200),
    ] {
        assert_eq!(proxy.get(&[condition]).await.status(), expected, "{condition:?}");
    }
    assert_eq!(proxy.origin.calls(), 1);
}
