//! Tests of the messages that reach the origin and the client.

use crate::support::{Origin, Running, field, status};

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";

#[tokio::test]
async fn the_origin_is_sent_what_is_for_it() {
    let origin = Origin::saying(FINE).await;
    let proxy = Running::before(&origin, &["--name", "edge"]).await;
    let fields = [
        "Host: shop.example:8080",
        "Via: 1.0 fred",
        "Forwarded: for=192.0.2.1",
        "Accept: text/html",
        "Cookie: a=b",
        "TE: trailers, gzip",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic eA==",
        "Upgrade: websocket",
        "X-Private: 1",
        "Connection: x-private, te, upgrade, cookie2",
    ];
    let response = proxy.ask("GET /a?b=c", &fields).await;
    assert!(response.ends_with("\r\n\r\nhi"), "{response}");
    let [head] = &origin.heads()[..] else { panic!("one request") };
    assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{head}");
    for (name, expected) in [
        ("host", &["shop.example:8080"][..]),
        ("via", &["1.0 fred", "1.1 edge"]),
        ("forwarded", &["for=192.0.2.1", "for=127.0.0.1;host=\"shop.example:8080\";proto=http"]),
        ("accept", &["text/html"]),
        ("cookie", &["a=b"]),
        ("te", &["trailers"]),
        ("connection", &["te"]),
        ("keep-alive", &[]),
        ("proxy-connection", &[]),
        ("proxy-authorization", &[]),
        ("upgrade", &[]),
        ("x-private", &[]),
        ("transfer-encoding", &[]),
        ("content-length", &[]),
    ] {
        assert_eq!(field(head, name), expected, "{name}");
    }
}

#[tokio::test]
async fn the_same_resource_is_asked_for_in_one_form() {
    let origin = Origin::saying(FINE).await;
    let proxy = Running::before(&origin, &[]).await;
    proxy.ask("GET http://shop.example/a", &["Host: other.example"]).await;
    proxy.ask("OPTIONS *", &["Host: shop.example"]).await;
    let heads = origin.heads();
    assert!(heads[0].starts_with("GET /a HTTP/1.1\r\n"), "{}", heads[0]);
    assert_eq!(field(&heads[0], "host"), ["shop.example"]);
    assert!(heads[1].starts_with("OPTIONS * HTTP/1.1\r\n"), "{}", heads[1]);
}

#[tokio::test]
async fn a_client_of_http_1_0_is_answered_in_its_version() {
    let origin =
        Origin::saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").await;
    let proxy = Running::before(&origin, &[]).await;
    let mut client = proxy.connect().await;
    client.write("GET / HTTP/1.0\r\n\r\n").await;
    let response = client.rest().await;
    assert!(response.starts_with("HTTP/1.0 200 OK\r\n") && response.ends_with("\r\n\r\nhi"), "{response}");
    let head = &origin.heads()[0];
    assert_eq!(field(head, "via"), ["1.0 larder"]);
    assert_eq!(field(head, "host"), [origin.addr.to_string()]);
}

/// RFC 9110 §6.2: the proxy answers with its own version. RFC 9112 §9.3: a connection persists if
/// "the received protocol is HTTP/1.1 (or later)".
#[tokio::test]
async fn an_origin_of_http_1_0_does_not_close_the_connections_of_clients() {
    const BODY: &str = "HTTP/1.0 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nhi";
    const NO_LENGTH: &str = "HTTP/1.0 200 OK\r\nCache-Control: no-store\r\n\r\nhi";
    for (answer, end) in [(BODY, "hi"), (NO_LENGTH, "\r\n0\r\n\r\n")] {
        let origin = Origin::saying(answer).await;
        let proxy = Running::before(&origin, &[]).await;
        let mut client = proxy.connect().await;
        // Misses with a body and without one, and a hit where the response is stored.
        for line in ["GET /a", "HEAD /b", "GET /a"] {
            client.write(&format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
            let head = client.head().await;
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{line}: {head}");
            assert!(field(&head, "connection").is_empty(), "{line}: {head}");
            assert_eq!(field(&head, "via"), ["1.0 larder"], "{line}");
            if line.starts_with("GET") {
                assert!(client.read_to(end).await.ends_with(end), "{line}");
            }
        }
    }
}

/// The public cache tests cover most of these fields, but those tests cannot fail: their client
/// looks for the fields in the wrong place.
#[tokio::test]
async fn no_field_of_the_origins_connection_reaches_a_client_from_it_or_from_the_cache() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nConnection: close, X-Private, Set-Cookie2\r\n\
        X-Private: 1\r\nSet-Cookie2: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: trailers\r\n\
        Upgrade: h2c\r\nProxy-Authenticate: Basic\r\nProxy-Authentication-Info: x\r\nTransfer-Encoding: chunked\r\n\
        Trailer: X-Late\r\nX-Kept: 1\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let origin = Origin::saying(ANSWER).await;
    let proxy = Running::before(&origin, &[]).await;
    for source in ["the origin", "the cache"] {
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert_eq!(status(&response), "200", "{response}");
        for name in [
            "x-private",
            "set-cookie2",
            "keep-alive",
            "proxy-connection",
            "te",
            "upgrade",
            "proxy-authenticate",
            "proxy-authentication-info",
        ] {
            assert!(field(&response, name).is_empty(), "{name} from {source}: {response}");
        }
        // The client asked to close the connection, and hyper confirms that.
        assert_eq!(field(&response, "connection"), ["close"], "{source}");
        assert_eq!(field(&response, "x-kept"), ["1"], "{source}");
        assert_eq!(field(&response, "via"), ["1.1 larder"], "{source}");
    }
    assert_eq!(origin.heads().len(), 1, "the second response is out of the cache");
}

/// RFC 9110 §15.2 wants a proxy to forward interim responses. A service has only one response, and
/// hyper's server sends none before it except its own 100 (Continue). RFC 9111 §3 allows only a
/// final response to be stored.
#[tokio::test]
async fn fields_of_an_interim_response_are_not_in_the_final_one() {
    const ANSWER: &str = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\
        Cache-Control: no-store\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n\
        Content-Length: 2\r\nConnection: close\r\nX-Kept: 1\r\n\r\nhi";
    let origin = Origin::saying(ANSWER).await;
    let proxy = Running::before(&origin, &[]).await;
    for source in ["the origin", "the cache"] {
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert!(
            response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\nhi"),
            "{response}"
        );
        for (name, expected) in
            [("x-kept", &["1"][..]), ("cache-control", &["max-age=3600"]), ("link", &[]), ("x-early", &[])]
        {
            assert_eq!(field(&response, name), expected, "{name} from {source}: {response}");
        }
    }
    assert_eq!(origin.heads().len(), 1, "the second response is out of the cache");
}

/// RFC 9112 §6.3: "the Transfer-Encoding overrides the Content-Length". The latter is removed
/// before the message is forwarded; otherwise two readers could see two ends.
#[tokio::test]
async fn a_body_has_one_end() {
    let origin = Origin::answering(|mut wire, head| async move {
        assert_eq!(field(&head, "transfer-encoding"), ["chunked"]);
        assert!(field(&head, "content-length").is_empty(), "{head}");
        assert_eq!(wire.read_to("\r\n0\r\n\r\n").await, "5\r\nhello\r\n0\r\n\r\n");
        wire.write(FINE).await;
    })
    .await;
    let proxy = Running::before(&origin, &[]).await;
    for framing in
        ["Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 3"]
    {
        let mut client = proxy.connect().await;
        client.write(&format!("PUT / HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n5\r\nhello\r\n0\r\n\r\n")).await;
        let head = client.head().await;
        assert_eq!(status(&head), "200", "{head}");
    }
}
