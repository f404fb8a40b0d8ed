//! The same tests over HTTP/2, with prior knowledge. A broken stream does not affect its
//! connection.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use larder_tests::http::{Site, soon};
use tokio::net::TcpStream;

use super::seen::{Message, Seen};
use super::verdict::{Expected, compare};
use super::*;

type Client = SendRequest<Empty<Bytes>>;

async fn connect(site: &Site) -> Client {
    let stream = TcpStream::connect(site.host()).await.unwrap();
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn ask(mut client: Client, method: Method, path: &str) -> Seen {
    let request = Request::builder().method(method).uri(format!("http://test{path}"));
    let response = client.send_request(request.body(Empty::new()).unwrap());
    let Ok(response) = soon("a response", response).await else {
        return Seen::Broken(Message::default());
    };
    let (parts, mut body) = response.into_parts();
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let fields = parts.headers.iter().map(line).collect();
    let mut message = Message { status: parts.status.as_u16(), fields, ..Message::default() };
    while let Some(frame) = soon("a frame", body.frame()).await {
        let Ok(frame) = frame else { return Seen::Broken(message) };
        if let Ok(data) = frame.into_data() {
            message.body.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
    Seen::Whole(message)
}

/// Requests a page, and then another one on the same connection.
async fn page_and_last(site: &Site, method: Method) -> Vec<Seen> {
    let client = connect(site).await;
    let page = ask(client.clone(), method, "/page/0").await;
    vec![page, ask(client, Method::GET, "/last").await]
}

/// Whether a stream breaks off with the bytes that the handler has sent, and the connection
/// continues.
fn breaks_off(seen: &[Seen], sent: &str) -> bool {
    matches!(seen, [Seen::Broken(page), Seen::Whole(last)] if sent.starts_with(&page.body) && last.body == "last")
}

async fn check(page: &Page, pair: &Pair, bare: &[Seen], layered: &[Seen], found: &mut Vec<String>) {
    let sent = String::from_utf8(page.sent()).unwrap();
    let expected = Expected { sent: &sent, may_break: false };
    if let Err(error) = compare(bare, layered, &expected)
        && !breaks_off(layered, &sent)
    {
        found.push(format!("{page:?}:\n{error}"));
    }
    let again = page_and_last(&pair.layered, Method::GET).await;
    if again[0].message().is_some_and(|message| message.field("x-cache") == "HIT") {
        found.push(format!("{page:?}: a hit {again:?}"));
    }
    let stored = pair.cache.stats().stored;
    if stored > 0 {
        found.push(format!("{page:?}: stored {stored} times"));
    }
}

#[tokio::test]
async fn over_http2_a_misfit_passes_as_without_the_layer_or_breaks_off() {
    let mut found = Vec::new();
    for page in misfits() {
        for method in [Method::GET, Method::HEAD] {
            let pair = Pair::open(vec![page.clone()]).await;
            let bare = page_and_last(&pair.bare, method.clone()).await;
            let layered = page_and_last(&pair.layered, method).await;
            check(&page, &pair, &bare, &layered, &mut found).await;
        }
    }
    assert_none(&found);
}

/// Both requests are on one connection.
#[tokio::test]
async fn over_http2_a_follower_of_a_misfit_gets_what_its_leader_may_get() {
    let mut found = Vec::new();
    for page in misfits() {
        let pair = Pair::held(vec![page.clone()]).await;
        let bare = page_and_last(&pair.bare, Method::GET).await;
        let client = connect(&pair.layered).await;
        let leader = tokio::spawn(ask(client.clone(), Method::GET, "/page/0"));
        soon("the leader", pair.gate.arrived(1)).await;
        pair.door.came(1).await;
        let follower = tokio::spawn(ask(client.clone(), Method::GET, "/page/0"));
        pair.door.came(1).await;
        pair.gate.open();
        for seen in [leader, follower] {
            let page_seen = seen.await.unwrap();
            let layered = [page_seen, ask(client.clone(), Method::GET, "/last").await];
            check(&page, &pair, &bare, &layered, &mut found).await;
        }
    }
    assert_none(&found);
}

#[tokio::test]
async fn over_http2_a_body_that_fits_passes_and_is_stored() {
    for kind in [BodyKind::Full, BodyKind::Ready, BodyKind::Yielding] {
        let page = Page::saying(12, 12, kind);
        let pair = Pair::open(vec![page.clone()]).await;
        let bare = page_and_last(&pair.bare, Method::GET).await;
        for x_cache in ["MISS", "HIT"] {
            let layered = page_and_last(&pair.layered, Method::GET).await;
            let message = layered[0].message().unwrap();
            assert_eq!(
                (message.field("x-cache"), message.status),
                (x_cache.to_owned(), StatusCode::OK.as_u16())
            );
            let expected = Expected { sent: "abcdefghijkl", may_break: false };
            assert_eq!(compare(&bare, &layered, &expected), Ok(()), "{page:?}");
        }
    }
}

/// RFC 9113 §8.2.2: "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific
/// header fields."
#[tokio::test]
async fn over_http2_no_response_has_a_field_of_one_connection() {
    for (name, value) in
        [("transfer-encoding", "chunked"), ("connection", "close"), ("keep-alive", "timeout=5")]
    {
        for kind in [BodyKind::Full, BodyKind::Ready, BodyKind::Yielding] {
            let page = Page::new(kind, &["first ", "second"]).with(name, value);
            let pair = Pair::open(vec![page.clone()]).await;
            for x_cache in ["MISS", "HIT"] {
                let layered = page_and_last(&pair.layered, Method::GET).await;
                let Seen::Whole(message) = &layered[0] else { panic!("{page:?} {layered:?}") };
                assert_eq!(
                    (message.field("x-cache").as_str(), message.body.as_str()),
                    (x_cache, "first second")
                );
                assert_eq!(message.field(name), "", "{page:?}");
            }
        }
    }
}
