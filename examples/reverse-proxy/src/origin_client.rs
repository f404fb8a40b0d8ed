//! A client that sends one request to the origin within a time limit.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use crate::args::Args;
use crate::failure;
use crate::proxy_error::ProxyError;
use crate::upload_body::UploadBody;

/// Services close idle connections after five seconds or later. A request that is sent at that
/// moment fails, so this pool drops idle connections earlier.
const KEEP_CONNECTIONS: Duration = Duration::from_secs(4);

/// Connections to the origin, with their time limits.
#[derive(Debug)]
pub(crate) struct OriginClient {
    client: Client<HttpConnector, Either<UploadBody, Empty<Bytes>>>,
    /// Includes the time to connect, which has its own limit.
    response: Duration,
    idle: Duration,
}

impl OriginClient {
    pub(crate) fn new(args: &Args) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(args.connect_timeout));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_CONNECTIONS)
            .set_host(false)
            .build(connector);
        Self { client, response: args.connect_timeout + args.response_timeout, idle: args.idle_timeout }
    }

    pub(crate) async fn send(&self, parts: Parts, body: Incoming) -> Result<Response<Incoming>, ProxyError> {
        if !body.is_end_stream() {
            return self.with_body(parts, body).await;
        }
        if !parts.method.is_safe() {
            return self.without_body(parts).await;
        }
        // RFC 9110 §9.2.2: only idempotent requests may be sent again, and only once. The origin
        // may close a connection at the moment when it is reused.
        match self.without_body(parts.clone()).await {
            Err(ProxyError::ConnectionTerminated) => self.without_body(parts).await,
            answered => answered,
        }
    }

    async fn with_body(&self, parts: Parts, body: Incoming) -> Result<Response<Incoming>, ProxyError> {
        let (body, progress) = UploadBody::new(body, self.idle);
        let response = self.client.request(Request::from_parts(parts, Either::Left(body)));
        let response = progress.in_time(response, self.response).await.ok_or(ProxyError::ResponseTimeout)?;
        response.map_err(|error| failure::classify(&error))
    }

    async fn without_body(&self, parts: Parts) -> Result<Response<Incoming>, ProxyError> {
        let response = self.client.request(Request::from_parts(parts, Either::Right(Empty::new())));
        let response = timeout(self.response, response).await.map_err(|_| ProxyError::ResponseTimeout)?;
        response.map_err(|error| failure::classify(&error))
    }
}
