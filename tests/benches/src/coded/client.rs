//! A client that sends the same request again and again on one connection.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection to the server.
pub(super) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The end of a body in chunks.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

impl Client {
    pub(super) async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self { stream, read: Vec::with_capacity(512 * 1024) }
    }

    /// Sends a `GET`, and returns the head of the response and its body, with the marks of chunks.
    pub(super) async fn get(&mut self, path: &str, codings: &str) -> (String, Vec<u8>) {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\naccept-encoding: {codings}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.expect("the request is sent");
        self.read.clear();
        loop {
            let more = self.stream.read_buf(&mut self.read).await.expect("more bytes");
            assert!(more > 0, "the connection ended");
            let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
            let (head, body) = self.read.split_at(end + 4);
            let head = String::from_utf8_lossy(head).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            let is_whole = match length {
                Some(length) => body.len() >= length,
                None => body.ends_with(LAST_CHUNK),
            };
            if is_whole {
                return (head, body.to_vec());
            }
        }
    }
}
