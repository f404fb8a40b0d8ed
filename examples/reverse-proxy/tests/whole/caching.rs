//! Tests of the proxy together with the cache.

use crate::support::{Origin, Running, field, status};

#[tokio::test]
async fn a_response_that_may_be_stored_is() {
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
    )
    .await;
    let proxy = Running::before(&origin, &[]).await;
    // These are forms of one resource.
    for line in ["GET /a", "GET http://x/a", "HEAD /a", "GET /a"] {
        let response = proxy.ask(line, &["Host: X:80"]).await;
        assert_eq!(status(&response), "200", "{line}");
    }
    assert_eq!(origin.heads().len(), 1, "{:?}", origin.heads());
    // The resource of another host is a different one.
    proxy.ask("GET /a", &["Host: y"]).await;
    assert_eq!(origin.heads().len(), 2);
}

/// The cache evaluates the fields that `Connection` lists before they are removed. A careless
/// origin does not have its private responses shared.
#[tokio::test]
async fn listing_no_store_does_not_remove_it() {
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nConnection: close, cache-control\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nhi",
    )
    .await;
    let proxy = Running::before(&origin, &[]).await;
    for asked in 1..=2 {
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert!(field(&response, "cache-control").is_empty(), "{response}");
        assert_eq!(origin.heads().len(), asked);
    }
}

#[tokio::test]
async fn queries_that_mean_the_same_are_answered_alike_where_the_switch_is_on() {
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nNo-Vary-Search: params=(\"utm\")\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
    )
    .await;
    for (switches, asked) in [(&[][..], 2), (&["--no-vary-search"], 1)] {
        let before = origin.heads().len();
        let proxy = Running::before(&origin, switches).await;
        for path in ["GET /a?utm=1", "GET /a?utm=2"] {
            let response = proxy.ask(path, &["Host: x"]).await;
            assert_eq!(field(&response, "no-vary-search"), ["params=(\"utm\")"]);
        }
        assert_eq!(origin.heads().len() - before, asked, "{switches:?}");
    }
}

/// RFC 9110 §9.3.1: the response to a `GET` with a body may depend on the body, which is in no key.
#[tokio::test]
async fn a_body_that_is_framed_by_the_connection_alone_is_seen_by_the_cache() {
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
    )
    .await;
    let proxy = Running::before(&origin, &[]).await;
    for asked in 1..=2 {
        let mut client = proxy.connect().await;
        client
            .write("GET / HTTP/1.1\r\nHost: x\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
            .await;
        assert_eq!(status(&client.head().await), "200");
        assert_eq!(origin.heads().len(), asked);
    }
}

/// RFC 5861 §4: an error that the proxy makes counts as an error of the origin.
#[tokio::test]
async fn a_stored_response_stands_in_for_an_origin_that_fails() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let asked = AtomicUsize::new(0);
    let origin = Origin::answering(move |mut wire, _| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                wire.write(
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-if-error=60\r\nETag: \"a\"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
                )
                .await;
            }
        }
    })
    .await;
    let proxy = Running::before(&origin, &[]).await;
    for asked in [1, 3] {
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert_eq!(status(&response), "200", "{response}");
        assert!(response.ends_with("hi"), "{response}");
        // The proxy sends the request again if the origin closes the connection.
        assert_eq!(origin.heads().len(), asked);
    }
}

/// Until both proxies have reached Redis, each works alone. The test tries one resource after
/// another.
#[tokio::test]
async fn a_response_that_one_proxy_stored_is_served_by_another() {
    let redis = larder_testing::RedisServer::start().await.unwrap();
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
    )
    .await;
    let url = redis.url();
    let arguments = ["--redis", &url, "--redis-timeout", "5s"];
    let (one, other) =
        (Running::before(&origin, &arguments).await, Running::before(&origin, &arguments).await);
    for resource in 0..1000 {
        let line = format!("GET /{resource}");
        one.ask(&line, &["Host: x"]).await;
        let response = other.ask(&line, &["Host: x"]).await;
        if field(&response, "x-cache") == ["HIT"] {
            assert!(response.ends_with("hi"), "{response}");
            let asked = origin.heads().iter().filter(|head| head.starts_with(&format!("{line} "))).count();
            assert_eq!(asked, 1);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("they share nothing");
}
