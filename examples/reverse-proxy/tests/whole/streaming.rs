//! Tests of streamed bodies, in both directions.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::support::{Origin, Running, Wire, status};

/// Starts an origin that sends the second half of its response on a signal, and answers no second
/// request.
async fn in_two_halves() -> (Origin, oneshot::Sender<()>) {
    let (go_on, waiting) = oneshot::channel::<()>();
    let waiting = Arc::new(Mutex::new(Some(waiting)));
    let origin = Origin::answering(move |mut wire, _| {
        let waiting = waiting.lock().unwrap().take();
        async move {
            wire.write("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 6\r\n\r\none").await;
            waiting.unwrap().await.unwrap();
            wire.write("two").await;
        }
    });
    (origin.await, go_on)
}

/// Connects a client and reads the first half.
async fn halfway(proxy: &Running) -> Wire {
    let mut client = proxy.connect().await;
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&client.head().await), "200");
    assert_eq!(client.read_to("one").await, "one");
    client
}

#[tokio::test]
async fn a_response_arrives_as_it_is_made() {
    let (origin, go_on) = in_two_halves().await;
    let proxy = Running::before(&origin, &[]).await;
    let mut client = halfway(&proxy).await;
    go_on.send(()).unwrap();
    assert_eq!(client.read_to("two").await, "two");
}

#[tokio::test]
async fn a_response_arrives_as_it_is_made_for_those_too_who_ask_for_it_meanwhile() {
    let (origin, go_on) = in_two_halves().await;
    let proxy = Running::before(&origin, &[]).await;
    let clients = [halfway(&proxy).await, halfway(&proxy).await, halfway(&proxy).await];
    go_on.send(()).unwrap();
    for mut client in clients {
        assert_eq!(client.read_to("two").await, "two");
    }
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test]
async fn a_request_arrives_as_it_is_sent() {
    let (arrived, has_arrived) = oneshot::channel::<()>();
    let arrived = Arc::new(Mutex::new(Some(arrived)));
    let origin = Origin::answering(move |mut wire, _| {
        let arrived = arrived.lock().unwrap().take();
        async move {
            assert_eq!(wire.read_to("one").await, "one");
            arrived.unwrap().send(()).unwrap();
            assert_eq!(wire.read_to("two").await, "two");
            wire.write("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    let proxy = Running::before(&origin, &[]).await;
    let mut client = proxy.connect().await;
    client.write("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\none").await;
    has_arrived.await.unwrap();
    client.write("two").await;
    assert_eq!(status(&client.head().await), "201");
}

/// RFC 9110 §10.1.1: the client waits for 100 (Continue), and gets it.
#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it() {
    let origin = Origin::answering(|mut wire, _| async move {
        assert_eq!(wire.read_to("body").await, "body");
        wire.write("HTTP/1.1 204 No Content\r\n\r\n").await;
    })
    .await;
    let proxy = Running::before(&origin, &[]).await;
    let mut client = proxy.connect().await;
    client.write("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.write("body").await;
    assert_eq!(status(&client.head().await), "204");
}

/// RFC 9110 §6.5: trailers are for clients that accept them.
#[tokio::test]
async fn trailers_come_through() {
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 209\r\n\r\n",
    )
    .await;
    let proxy = Running::before(&origin, &[]).await;
    let mut client = proxy.connect().await;
    client.write("GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: te\r\n\r\n").await;
    client.head().await;
    let body = client.read_to("209\r\n\r\n").await;
    assert!(body.to_ascii_lowercase().ends_with("\r\n0\r\nx-sum: 209\r\n\r\n"), "{body}");
}
