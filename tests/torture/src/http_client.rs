//! The HTTP client of the driver and the instances.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The maximum time of a request, even on a slow machine. A request that takes longer counts as
/// lost.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(120);

/// A client with a pool of connections. It never retries.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(Client<HttpConnector, Full<Bytes>>);

/// A complete response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Default for HttpClient {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector))
    }
}

impl HttpClient {
    pub(crate) async fn send(&self, request: http::request::Builder) -> Result<Answer> {
        self.send_body(request, Bytes::new()).await
    }

    pub(crate) async fn send_body(
        &self,
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let request: Request<_> = request.body(Full::new(body.into()))?;
        let exchange = async {
            let response = self.0.request(request).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        tokio::time::timeout(MAX_REQUEST_TIME, exchange).await.context("no whole response in time")?
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}
