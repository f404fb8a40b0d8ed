//! Partial responses (RFC 9111 §3.3, §3.4).

use http::StatusCode;
use larder::Policy;
use larder_testing::{Answer, Origin};

use crate::support::{before, field};

/// An origin that supports two ranges of a body of ten bytes, and ignores all other fields.
fn origin() -> Origin {
    Origin::new(|request, _| {
        let answer = match request.headers.get("range").map(|range| range.to_str().unwrap()) {
            Some("bytes=0-4") => Answer::status(StatusCode::PARTIAL_CONTENT)
                .header("content-range", "bytes 0-4/10")
                .body("01234"),
            Some("bytes=5-9") => Answer::status(StatusCode::PARTIAL_CONTENT)
                .header("content-range", "bytes 5-9/10")
                .body("56789"),
            _ => Answer::ok("0123456789"),
        };
        answer.header("etag", "\"a\"").header("cache-control", "max-age=10")
    })
}

#[tokio::test]
async fn parts_are_stored_and_combined_where_the_policy_says_so() {
    for (policy, calls) in [(Policy::rfc9111().store_partial(), 2), (Policy::rfc9111(), 4)] {
        let proxy = before(policy, origin());
        for (range, body) in [("bytes=0-4", "01234"), ("bytes=0-4", "01234"), ("bytes=5-9", "56789")] {
            let part = proxy.get(&[("range", range)]).await;
            assert_eq!((part.status(), part.body().as_str()), (StatusCode::PARTIAL_CONTENT, body));
        }
        let whole = proxy.get(&[]).await;
        assert_eq!((whole.status(), whole.body().as_str()), (StatusCode::OK, "0123456789"));
        assert_eq!(field(&whole, "content-range"), "");
        assert_eq!(proxy.origin.calls(), calls);
    }
}

/// §5.2.1.7: the stored part does not have all bytes.
#[tokio::test]
async fn a_part_is_nothing_to_who_wants_the_whole_or_nothing() {
    let proxy = before(Policy::rfc9111().store_partial().honor_request_directives(), origin());
    proxy.get(&[("range", "bytes=0-4")]).await;
    let only = ("cache-control", "only-if-cached");
    assert_eq!(proxy.get(&[only]).await.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(proxy.get(&[only, ("range", "bytes=4-5")]).await.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(proxy.get(&[only, ("range", "bytes=3-4")]).await.body(), "34");
    assert_eq!(proxy.origin.calls(), 1);
}

/// §4.3.5 is about stored responses to `GET` that could have answered the `HEAD`. A partial
/// response is not one of them.
#[tokio::test]
async fn a_head_tells_nothing_of_a_part() {
    let proxy = before(Policy::rfc9111().store_partial(), origin());
    proxy.get(&[("range", "bytes=0-4")]).await;
    proxy.wait(9);
    let head = proxy.send("HEAD", "/", &[("range", "bytes=0-4")]).await;
    assert_eq!((head.status(), field(&head, "age").as_str()), (StatusCode::OK, ""));
    assert_eq!(field(&proxy.get(&[("range", "bytes=0-4")]).await, "age"), "9");
    proxy.wait(1);
    proxy.get(&[("range", "bytes=0-4")]).await;
    assert_eq!(proxy.origin.calls(), 3);
}
