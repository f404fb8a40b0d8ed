//! The origin, the client, and the proxy between them.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use reverse_proxy::{Args, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A connection on which a test reads and writes bytes.
pub(crate) struct Wire(TcpStream);

impl Wire {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self(TcpStream::connect(addr).await.unwrap())
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// Reads as many bytes as there are until the other side closes, and at most `limit`.
    pub(crate) async fn bytes(&mut self, limit: usize) -> Vec<u8> {
        let mut read = Vec::new();
        let stream = &mut self.0;
        // A connection that is reset has ended, too.
        let _ = stream.take(limit as u64).read_to_end(&mut read).await;
        read
    }

    /// Writes until the other side closes.
    pub(crate) async fn write_until_it_ends(&mut self) {
        while self.0.write_all(&[b'x'; 65536]).await.is_ok() {}
    }

    /// Reads up to and including this text, or everything if the other side closes first.
    pub(crate) async fn read_to(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            match self.0.read_u8().await {
                Ok(byte) => read.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(read).unwrap()
    }

    /// Reads the head of a message.
    pub(crate) async fn head(&mut self) -> String {
        self.read_to("\r\n\r\n").await
    }

    /// Reads until the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        // A connection that is reset has ended, too.
        let _ = self.0.read_to_end(&mut read).await;
        String::from_utf8(read).unwrap()
    }
}

/// An origin that answers each request with a function and records the heads of the requests.
pub(crate) struct Origin {
    pub(crate) addr: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    /// Starts an origin that answers every request with these bytes and closes the connection.
    pub(crate) async fn saying(answer: &'static str) -> Self {
        Self::answering(move |mut wire, _| async move { wire.write(answer).await }).await
    }

    /// Starts an origin whose function takes over the connection after the head of the request.
    pub(crate) async fn answering<F>(answer: impl Fn(Wire, String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            loop {
                let mut wire = Wire(listener.accept().await.unwrap().0);
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let head = wire.head().await;
                    seen.lock().unwrap().push(head.clone());
                    answer(wire, head).await;
                });
            }
        });
        Self { addr, heads }
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A running proxy.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) serving: JoinHandle<()>,
}

impl Running {
    /// Starts a proxy in front of this origin, with additional arguments.
    pub(crate) async fn before(origin: &Origin, arguments: &[&str]) -> Self {
        Self::at(&format!("http://{}", origin.addr), arguments).await
    }

    pub(crate) async fn at(origin: &str, arguments: &[&str]) -> Self {
        let args = [&["reverse-proxy", "--origin", origin][..], arguments].concat();
        let proxy = Proxy::open(&Args::try_parse_from(args).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            proxy.serve(listener, stopped).await;
            proxy.close().await;
        });
        Self { addr, stop: Some(stop), serving }
    }

    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.addr).await
    }

    /// Sends a request with these fields on a new connection, and returns the whole response.
    pub(crate) async fn ask(&self, line: &str, fields: &[&str]) -> String {
        let mut wire = self.connect().await;
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        wire.write(&format!("{line} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n")).await;
        wire.rest().await
    }
}

/// A response whose body is not text.
pub(crate) struct Download {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Begins a download on a new connection, and returns at most `limit` bytes of its body.
pub(crate) async fn download(addr: SocketAddr, line: &str, fields: &[&str], limit: usize) -> Download {
    let mut wire = Wire::connect(addr).await;
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    wire.write(&format!("{line} HTTP/1.1\r\nHost: x\r\n{fields}Connection: close\r\n\r\n")).await;
    let head = wire.head().await;
    Download { head, body: wire.bytes(limit).await }
}

/// Returns the values of a field, line by line, in the head of a message or in a whole message.
pub(crate) fn field<'m>(message: &'m str, name: &str) -> Vec<&'m str> {
    let head = message.split("\r\n\r\n").next().unwrap();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

pub(crate) fn status(message: &str) -> &str {
    message.split(' ').nth(1).unwrap_or(message)
}
