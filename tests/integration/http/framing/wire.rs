//! A client that keeps the bytes of its connection.

use std::time::Duration;

use http::Method;
use larder_tests::http::Site;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::seen::{Seen, parse};

/// A server that sends nothing for this long hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection, with all bytes that were read from it.
pub(super) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
    methods: Vec<Method>,
}

impl Wire {
    pub(super) async fn open(site: &Site) -> Self {
        let stream = TcpStream::connect(site.host()).await.unwrap();
        Self { stream, read: Vec::new(), methods: Vec::new() }
    }

    /// Sends requests in one piece. `fields` are complete lines.
    pub(super) async fn send(&mut self, requests: &[(Method, &str, &str)]) {
        let mut bytes = String::new();
        for (method, path, fields) in requests {
            bytes += &format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
            self.methods.push(method.clone());
        }
        // If the server has closed the connection, reading shows that.
        let _ = self.stream.write_all(bytes.as_bytes()).await;
    }

    /// Reads until a head and this many bytes have arrived, or the connection has ended.
    pub(super) async fn read_head_and(&mut self, bytes: usize) {
        while self
            .read
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
            .is_none_or(|at| self.read.len() < at + 4 + bytes)
        {
            let more = timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.expect("it hangs");
            if !more.is_ok_and(|more| more > 0) {
                return;
            }
        }
    }

    /// Reads to the end of the connection. Returns a response for each request.
    pub(super) async fn finish(mut self) -> Vec<Seen> {
        let end = timeout(PATIENCE, self.stream.read_to_end(&mut self.read)).await;
        let text = String::from_utf8(self.read).unwrap();
        assert!(end.is_ok(), "the connection hangs after {text:?}");
        parse(&text, &self.methods)
    }
}
