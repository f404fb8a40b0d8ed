//! Tests of the fields for surrogates: the proxy is one.

use crate::support::{Origin, Running, field};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nSurrogate-Control: max-age=60\r\nSurrogate-Key: a b\r\nCache-Tag: c, d\r\n\
    CDN-Cache-Control: max-age=60\r\nCache-Control: no-cache\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";

/// The Edge Architecture Specification has surrogates remove the field that is for them, and tags
/// tell clients about the inside of a site. Fields for other caches are passed on.
#[tokio::test]
async fn the_fields_that_the_proxy_uses_are_not_for_clients() {
    let [control, key, tag, cdn] = ["surrogate-control", "surrogate-key", "cache-tag", "cdn-cache-control"];
    let cases: [(&[&str], &[&str], &str); 4] = [
        (&[], &[], "BYPASS or MISS"),
        (&["--targets", "CDN-Cache-Control"], &[], "HIT"),
        (&["--targets", "Surrogate-Control"], &[control], "HIT"),
        (
            &["--targets", "surrogate-control", "--tags-from", "Surrogate-Key,Cache-Tag"],
            &[control, key, tag],
            "HIT",
        ),
    ];
    for (arguments, consumed, second) in cases {
        let origin = Origin::saying(ANSWER).await;
        let proxy = Running::before(&origin, arguments).await;
        for source in ["the origin", "the cache", "a write"] {
            let line = if source == "a write" { "POST /" } else { "GET /" };
            let response = proxy.ask(line, &["Host: x"]).await;
            for name in [control, key, tag, cdn] {
                let expected = usize::from(!consumed.contains(&name));
                assert_eq!(field(&response, name).len(), expected, "{name} from {source}: {response}");
            }
            assert_eq!(field(&response, "cache-control"), ["no-cache"], "{source}");
            if source == "the cache" && second == "HIT" {
                assert_eq!(field(&response, "x-cache"), [second], "{arguments:?}");
            }
        }
    }
}

/// The stored response keeps the fields, so that it can be validated: a 304 may leave them out.
#[tokio::test]
async fn a_validated_response_keeps_its_lifetime_and_its_tags() {
    const FIRST: &str = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nSurrogate-Control: max-age=0\r\nSurrogate-Key: a\r\n\
        Cache-Control: no-store\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    let origin = Origin::answering(|mut wire, head| async move {
        if field(&head, "if-none-match").is_empty() {
            wire.write(FIRST).await;
        } else {
            wire.write("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nSurrogate-Control: max-age=60\r\nConnection: close\r\n\r\n").await;
        }
    })
    .await;
    let token = "0123456789abcdef";
    let arguments =
        ["--targets", "surrogate-control", "--tags-from", "surrogate-key", "--purge-token", token];
    let proxy = Running::before(&origin, &arguments).await;
    for result in ["MISS", "MISS", "HIT"] {
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert_eq!(field(&response, "x-cache"), [result], "{response}");
        assert!(response.ends_with("\r\n\r\nhi"), "{response}");
        assert!(field(&response, "surrogate-control").is_empty(), "{response}");
        assert!(field(&response, "surrogate-key").is_empty(), "{response}");
    }
    assert_eq!(origin.heads().len(), 2);
    let bearer = format!("Authorization: Bearer {token}");
    proxy.ask("PURGE /", &["Host: x", &bearer, "Surrogate-Key: a"]).await;
    let response = proxy.ask("GET /", &["Host: x"]).await;
    assert_eq!(field(&response, "x-cache"), ["MISS"], "{response}");
}

/// A stored response is for every client. One client must not choose what the origin makes for all.
#[tokio::test]
async fn the_origin_learns_of_this_surrogate_alone() {
    let origin = Origin::saying(ANSWER).await;
    let proxy = Running::before(&origin, &["--targets", "surrogate-control"]).await;
    proxy.ask("GET /", &["Host: x", "Surrogate-Capability: evil=\"ESI/1.0\""]).await;
    assert_eq!(field(&origin.heads()[0], "surrogate-capability"), ["larder=\"Surrogate/1.0\""]);
    let proxy = Running::before(&origin, &[]).await;
    proxy.ask("GET /", &["Host: x"]).await;
    assert!(field(&origin.heads()[1], "surrogate-capability").is_empty(), "it is no surrogate");
}
