//! Tests of shutting down.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Serves the route `/` until `stop` is notified, and returns a connection with a sent request.
async fn asked(router: Router, stop: Arc<Notify>) -> (TcpStream, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = tokio::spawn(shop::serve(listener, router, async move { stop.notified().await }));
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
    (client, serving)
}

#[tokio::test]
async fn a_request_that_is_running_is_answered() {
    let stop = Arc::new(Notify::new());
    let stopping = Arc::clone(&stop);
    let handler = || async move {
        stopping.notify_one();
        tokio::task::yield_now().await;
        "answered"
    };
    let (mut client, serving) = asked(Router::new().route("/", get(handler)), stop).await;
    let mut response = String::new();
    client.read_to_string(&mut response).await.unwrap();
    assert!(response.ends_with("answered"), "{response}");
    serving.await.unwrap().unwrap();
}

/// tokio's paused clock jumps to the next timer when all tasks are idle.
#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_does_not_keep_it_running() {
    let stop = Arc::new(Notify::new());
    let stopping = Arc::clone(&stop);
    let handler = || async move {
        stopping.notify_one();
        pending::<&str>().await
    };
    let (_client, serving) = asked(Router::new().route("/", get(handler)), stop).await;
    let served = timeout(Duration::from_secs(60), serving).await.unwrap();
    served.unwrap().unwrap();
}
