//! An HTTP client as simple as curl: one connection for each request.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The maximum time for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A request to send.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path and the query.
    pub target: &'a str,
    /// Header fields, beside `Host`, `Connection` and those of the body.
    pub fields: &'a [[&'a str; 2]],
    /// The body.
    pub body: Option<&'a Value>,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The names of the fields, in lower case, and their values.
    pub fields: Vec<[String; 2]>,
    /// The content.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns the value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|[field, _]| field == name).map(|[_, value]| &**value)
    }

    /// Parses the content as JSON.
    ///
    /// # Errors
    ///
    /// Fails if it is not JSON.
    pub fn json(&self) -> Result<Value> {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        serde_json::from_slice(&self.body).with_context(|| format!("status {}: {}", self.status, text()))
    }
}

/// Sends a request, and reads the whole response.
///
/// # Errors
///
/// Fails if the server does not answer, or not in time.
pub async fn send(addr: SocketAddr, request: &Request<'_>) -> Result<Answer> {
    let exchange = timeout(REQUEST_TIMEOUT, exchange(addr, request)).await;
    exchange
        .with_context(|| format!("{} takes too long", request.target))?
        .with_context(|| request.target.to_owned())
}

async fn exchange(addr: SocketAddr, request: &Request<'_>) -> Result<Answer> {
    let Request { method, target, fields, body } = request;
    // With this version of HTTP, the body ends with the connection, and has no chunks.
    let mut head = format!("{method} {target} HTTP/1.0\r\n");
    if fields.iter().all(|[name, _]| !name.eq_ignore_ascii_case("host")) {
        head += &format!("host: {addr}\r\n");
    }
    for [name, value] in *fields {
        head += &format!("{name}: {value}\r\n");
    }
    let body = body.map(ToString::to_string).unwrap_or_default();
    if !body.is_empty() {
        head += "content-type: application/json\r\n";
    }
    let whole = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(whole.as_bytes()).await?;
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await?;
    parse(&received)
}

fn parse(received: &[u8]) -> Result<Answer> {
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
        bail!("the response has no end of its head");
    };
    let head = std::str::from_utf8(&received[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some([name.to_ascii_lowercase(), value.trim().to_owned()])
    };
    Ok(Answer {
        status: status.context("the response has no status")?,
        fields: lines.filter_map(field).collect(),
        body: received[end + 4..].to_vec(),
    })
}
