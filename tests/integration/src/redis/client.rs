//! A client of the instances, over real sockets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CACHE_STATUS, HOST as HOST_FIELD};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The `Host` of every request. Instances that share responses have one name.
pub const HOST: &str = "larder.test";

/// No request of a passing test takes this long.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A response, and how long it took.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The time from the request to the end of the body.
    pub took: Duration,
}

impl Answer {
    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns a header field. It is empty if the field is missing.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns `X-Cache` and the detail of `Cache-Status`, for example `HIT shared` or `MISS
    /// never-stored`.
    #[must_use]
    pub fn outcome(&self) -> String {
        let status = self.field(CACHE_STATUS.as_str());
        let detail = status.split("detail=").nth(1).unwrap_or_default().trim_matches('"');
        format!("{} {detail}", self.field("x-cache"))
    }
}

/// Sends a request on a new connection. Any failure counts as an error that the client sees.
pub async fn send(address: SocketAddr, mut request: Request<Bytes>) -> Answer {
    let begun = Instant::now();
    request.headers_mut().entry(HOST_FIELD).or_insert(HOST.parse().unwrap());
    let exchange = async {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request.map(Full::new)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        drop(sender);
        connection.abort();
        Answer { status: parts.status, headers: parts.headers, body, took: begun.elapsed() }
    };
    tokio::time::timeout(MAX_WAIT, exchange).await.expect("a response in time")
}

/// Sends a request without a body, and closes the connection once `then` completes, without reading
/// a response.
pub async fn hang_up(address: SocketAddr, method: &str, path: &str, then: impl Future<Output = ()>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    then.await;
}
