//! A client that sends one request at a time over one connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A connection to a shop.
pub(crate) struct Client(BufReader<TcpStream>);

/// A response, and how long it took until it was read.
pub(crate) struct Answer {
    pub(crate) time: Duration,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub(crate) async fn put(&mut self, path: &str, body: &str) -> Answer {
        self.send("PUT", path, body).await
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let began = Instant::now();
        self.0.get_mut().write_all(request.as_bytes()).await.unwrap();
        let head = self.read_head().await;
        let mut body = vec![0; content_length(&head)];
        self.0.read_exact(&mut body).await.unwrap();
        let time = began.elapsed();
        assert!(head.starts_with("HTTP/1.1 200 "), "{method} {path}: {head}");
        Answer { time, head, body: String::from_utf8(body).unwrap() }
    }

    async fn read_head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).await.unwrap(), 0, "the connection ended: {head}");
        }
        head
    }
}

fn content_length(head: &str) -> usize {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.and_then(|(_, length)| length.parse().ok()).expect("a response with a length")
}
