//! Tests of shutting down.

use std::sync::{Arc, Mutex};

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::support::{Origin, Running};

#[tokio::test]
async fn a_request_that_is_running_is_answered_and_no_other_taken() {
    let (asked, was_asked) = oneshot::channel::<()>();
    let (go_on, waiting) = oneshot::channel::<()>();
    let ends = Arc::new(Mutex::new(Some((asked, waiting))));
    let origin = Origin::answering(move |mut wire, _| {
        let (asked, waiting) = ends.lock().unwrap().take().unwrap();
        async move {
            asked.send(()).unwrap();
            waiting.await.unwrap();
            wire.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
        }
    })
    .await;
    let mut proxy = Running::before(&origin, &[]).await;
    let mut client = proxy.connect().await;
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    was_asked.await.unwrap();
    proxy.stop.take().unwrap().send(()).unwrap();
    // The listener closes first.
    while TcpStream::connect(proxy.addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.send(()).unwrap();
    let response = client.rest().await;
    assert!(response.ends_with("\r\n\r\nhi"), "{response}");
    proxy.serving.await.unwrap();
}
