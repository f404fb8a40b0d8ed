//! Tests with peers that stop. The limits are short, and a stopped peer never continues: a slow
//! machine makes these tests slower, not wrong.

use std::future::pending;
use std::sync::Mutex;

use tokio::sync::oneshot;

use crate::support::{Origin, Running, field, status};

const SHORT: [&str; 4] = ["--response-timeout", "200ms", "--idle-timeout", "200ms"];

#[tokio::test]
async fn an_origin_that_takes_a_request_and_says_nothing_is_given_up() {
    let origin = Origin::answering(|wire, _| async move {
        pending::<()>().await;
        drop(wire);
    })
    .await;
    let proxy =
        Running::before(&origin, &["--connect-timeout", "200ms", "--response-timeout", "200ms"]).await;
    let response = proxy.ask("GET /", &["Host: x"]).await;
    assert_eq!(status(&response), "504", "{response}");
    assert_eq!(field(&response, "proxy-status"), ["\"larder\"; error=http_response_timeout"]);
    assert!(response.ends_with("504 Gateway Timeout: the origin did not answer in time\n"), "{response}");
}

/// RFC 9112 §8: the client must be able to see that its response is incomplete. RFC 9111 §3.3: no
/// other client gets it.
#[tokio::test]
async fn a_response_that_stops_in_the_middle_is_cut_off_and_not_stored() {
    let origin = Origin::answering(|mut wire, _| async move {
        wire.write("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 6\r\n\r\none").await;
        pending::<()>().await;
    })
    .await;
    let proxy = Running::before(&origin, &["--idle-timeout", "200ms"]).await;
    for asked in 1..=2 {
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert!(response.ends_with("\r\n\r\none"), "{response}");
        assert_eq!(origin.heads().len(), asked);
    }
}

#[tokio::test]
async fn a_client_that_stalls_gets_408() {
    let origin = Origin::answering(|mut wire, _| async move {
        assert_eq!(wire.rest().await, "one", "the request is given up here, too");
    })
    .await;
    let proxy = Running::before(&origin, &SHORT).await;
    let mut client = proxy.connect().await;
    client.write("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\none").await;
    let head = client.head().await;
    assert_eq!(status(&head), "408", "{head}");
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_hung_up_on() {
    let origin = Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let proxy = Running::before(&origin, &SHORT).await;
    let mut client = proxy.connect().await;
    client.write("GET / HTTP/1.1\r\nHost: x\r\n").await;
    client.rest().await;
    assert_eq!(origin.heads(), [""; 0]);
}

/// The body is larger than all buffers between the origin and the client.
#[tokio::test]
async fn a_client_that_reads_nothing_is_hung_up_on_and_the_origin_let_go() {
    let (gone, has_gone) = oneshot::channel();
    let gone = Mutex::new(Some(gone));
    let origin = Origin::answering(move |mut wire, _| {
        let gone = gone.lock().unwrap().take();
        async move {
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await;
            wire.write_until_it_ends().await;
            gone.unwrap().send(()).unwrap();
        }
    })
    .await;
    let proxy = Running::before(&origin, &["--idle-timeout", "200ms"]).await;
    let mut client = proxy.connect().await;
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    has_gone.await.unwrap();
}
