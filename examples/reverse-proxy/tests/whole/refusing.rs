//! Tests of the responses that the proxy makes itself.

use crate::support::{Origin, Running, field, status};

#[tokio::test]
async fn an_invalid_request_never_reaches_the_origin() {
    let origin = Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let proxy = Running::before(&origin, &[]).await;
    let loops = format!("Via: {}", ["1.1 larder"; 5].join(", "));
    for (line, fields, expected, text) in [
        ("CONNECT shop.example:443", &["Host: shop.example"][..], "501", "no proxy for tunnels"),
        ("GET /", &[], "400", "there is no Host"),
        ("GET /", &["Host: a", "Host: b"], "400", "more than one Host"),
        ("GET https://shop.example/", &["Host: shop.example"], "421", "only http://"),
        ("PUT /", &["Host: x", "Transfer-Encoding: gzip, chunked"], "501", "no transfer coding"),
        ("PUT /", &["Host: x", "Expect: wonders", "Content-Length: 0"], "417", "no expectation"),
        ("GET /", &["Host: x", &loops], "502", "came through here before"),
        ("TRACE /", &["Host: x", "Max-Forwards: 0"], "200", "TRACE / HTTP/1.1"),
        ("OPTIONS /", &["Host: x", "Max-Forwards: 0"], "204", ""),
    ] {
        let response = proxy.ask(line, fields).await;
        assert_eq!(status(&response), expected, "{line} {fields:?}: {response}");
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(body.contains(text), "{line} {fields:?}: {response}");
    }
    assert_eq!(origin.heads(), [""; 0]);
}

#[tokio::test]
async fn a_trace_that_goes_on_is_counted_down() {
    let origin = Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let proxy = Running::before(&origin, &[]).await;
    proxy.ask("TRACE /", &["Host: x", "Max-Forwards: 2"]).await;
    assert_eq!(field(&origin.heads()[0], "max-forwards"), ["1"]);
}

#[tokio::test]
async fn an_origin_that_cannot_answer_is_answered_for() {
    let answers = [
        ("HTTP/1.1 200", "502", "connection_terminated"),
        ("", "502", "connection_terminated"),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", "502", "http_protocol_error"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "502",
            "http_response_transfer_coding",
        ),
    ];
    for (answer, expected, error) in answers {
        let origin = Origin::saying(answer).await;
        let proxy = Running::before(&origin, &[]).await;
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert_eq!(status(&response), expected, "{answer:?}: {response}");
        assert_eq!(field(&response, "proxy-status"), [format!("\"larder\"; error={error}")], "{answer:?}");
        assert_eq!(field(&response, "content-type"), ["text/plain; charset=utf-8"]);
    }
}

/// RFC 9110 §9.2.2: "A proxy MUST NOT automatically retry non-idempotent requests."
#[tokio::test]
async fn only_what_is_safe_is_sent_again_and_only_once() {
    let origin = Origin::saying("").await;
    let proxy = Running::before(&origin, &[]).await;
    let mut all = 0;
    for (line, fields, sent) in [
        ("GET /", &["Host: x"][..], 2),
        ("OPTIONS /", &["Host: x"], 2),
        ("POST /", &["Host: x"], 1),
        ("DELETE /", &["Host: x"], 1),
        ("PUT /", &["Host: x", "Content-Length: 0"], 1),
    ] {
        let response = proxy.ask(line, fields).await;
        assert_eq!(status(&response), "502", "{line}: {response}");
        all += sent;
        assert_eq!(origin.heads().len(), all, "{line}");
    }
}

#[tokio::test]
async fn an_origin_that_is_not_there_is_answered_for() {
    // The port is free again once the listener is dropped.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // RFC 6761 §6.4: names under .invalid never have an address.
    for (origin, error) in [(nobody.as_str(), "connection_refused"), ("http://origin.invalid", "dns_error")] {
        let proxy = Running::at(origin, &[]).await;
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert_eq!(status(&response), "502", "{origin}: {response}");
        assert_eq!(field(&response, "proxy-status"), [format!("\"larder\"; error={error}")], "{origin}");
        assert!(field(&response, "cache-control").contains(&"no-store"), "{response}");
    }
}
