//! A server on a socket of its own, and its client.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::header::CACHE_STATUS;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tower::Service;

/// No test waits for this long unless something hangs.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Waits for an expected event.
///
/// # Panics
///
/// Panics with the name of the event if it does not happen.
#[allow(clippy::expect_used)] // Only tests call this function.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(MAX_WAIT, work).await.expect(what)
}

/// A server on `127.0.0.1` with a client. It stops when dropped.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    server: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

// Only tests use this, and a test fails with a panic.
#[allow(clippy::expect_used, clippy::missing_panics_doc)]
impl Site {
    /// Serves a router with axum.
    pub async fn of(router: Router) -> Self {
        Self::serving(|listener| async move { axum::serve(listener, router).await.expect("it serves") }).await
    }

    /// Serves any Tower service with hyper alone. Each connection gets a clone.
    pub async fn of_service<S, B>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self::serving(|listener| async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let service = TowerToHyperService::new(service.clone());
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        })
        .await
    }

    async fn serving<F>(serve: impl FnOnce(TcpListener) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        Self {
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
            server: tokio::spawn(serve(listener)),
        }
    }

    /// Returns the default `Host` of a request.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Creates a request.
    #[must_use]
    pub fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        *request.uri_mut() = format!("http://{}{path}", self.address).parse().expect("a URI");
        Ask { site: self, request }
    }

    /// Gets a page, completely.
    pub async fn get(&self, path: &str) -> Page {
        self.ask(Method::GET, path).send().await
    }

    /// Opens a connection, sends these bytes on it, and returns it.
    pub async fn raw(&self, request: &str) -> Raw {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        Raw { stream, read: Vec::new() }
    }
}

/// A request before it is sent.
#[derive(Debug)]
pub struct Ask<'a> {
    site: &'a Site,
    request: Request<Full<Bytes>>,
}

// Only tests use this, and a test fails with a panic.
#[allow(clippy::expect_used, clippy::missing_panics_doc)]
impl Ask<'_> {
    /// Adds a field line.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().append(name, value.parse().expect("a field value"));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }

    /// Sends the request, and waits for the head of the response.
    ///
    /// # Errors
    ///
    /// Fails if the connection ends before that.
    pub async fn head(self) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        soon("a response head", self.site.client.request(self.request)).await
    }

    /// Sends the request, and waits for the whole response.
    pub async fn send(self) -> Page {
        let (parts, body) = self.head().await.expect("a response").into_parts();
        let body = soon("the end of the body", body.collect()).await.expect("a whole body").to_bytes();
        Page { status: parts.status, headers: parts.headers, body }
    }
}

/// A complete response.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Page {
    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the values of a field, one for each line.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<String> {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.headers.get_all(name).iter().map(text).collect()
    }

    /// Returns the value of a field. It is empty if the field is missing.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        self.all(name).join(" AND ")
    }

    /// Returns `X-Cache`.
    #[must_use]
    pub fn x_cache(&self) -> String {
        self.field("x-cache")
    }

    /// Returns `Cache-Status`.
    #[must_use]
    pub fn cache_status(&self) -> String {
        self.field(CACHE_STATUS.as_str())
    }

    /// Returns `X-Cache` and the body, which is what most tests compare.
    #[must_use]
    pub fn summary(&self) -> (String, String) {
        (self.x_cache(), self.text())
    }

    /// Whether [`summary`](Self::summary) equals these values.
    #[must_use]
    pub fn is(&self, x_cache: &str, body: &str) -> bool {
        self.x_cache() == x_cache && self.text() == body
    }
}

/// A connection on which a test reads and writes bytes.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

// Only tests use this, and a test fails with a panic.
#[allow(clippy::expect_used, clippy::missing_panics_doc)]
impl Raw {
    /// Reads until this text arrives. Returns everything that was read so far.
    pub async fn until(&mut self, text: &str) -> String {
        loop {
            let read = String::from_utf8_lossy(&self.read).into_owned();
            if read.contains(text) {
                return read;
            }
            let more = soon(text, self.stream.read_buf(&mut self.read)).await.expect("more bytes");
            assert!(more > 0, "the connection ended before {text:?}: {read:?}");
        }
    }

    /// Reads until the server closes the connection. Returns everything that was read.
    pub async fn to_end(mut self) -> String {
        // A reset is an end as well.
        let _ = soon("the end of the connection", self.stream.read_to_end(&mut self.read)).await;
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Sends more bytes.
    pub async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.expect("they are sent");
    }
}
