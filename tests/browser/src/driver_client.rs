//! The HTTP client for WebDriver. thirtyfour's own would bring TLS and a second HTTP library.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thirtyfour::error::{WebDriverError, WebDriverResult};
use thirtyfour::session::http::{Body, HttpClient};
use tokio::time::timeout;

/// The maximum time for one command. The start of a browser is one.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// A client that gives up after a minute.
#[derive(Debug, Clone)]
pub(crate) struct DriverClient(Client<HttpConnector, Full<Bytes>>);

impl Default for DriverClient {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

#[async_trait]
impl HttpClient for DriverClient {
    async fn send(&self, request: Request<Body<'_>>) -> WebDriverResult<Response<Bytes>> {
        let failed = |error: &dyn std::error::Error| WebDriverError::RequestFailed(error.to_string());
        let body = |body: Body<'_>| match body {
            Body::Empty => Full::default(),
            Body::Json(json) => Full::from(json.to_string()),
        };
        let exchange = async {
            let response = self.0.request(request.map(body)).await.map_err(|error| failed(&error))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| failed(&error))?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        timeout(COMMAND_TIMEOUT, exchange).await.unwrap_or_else(|elapsed| Err(failed(&elapsed)))
    }

    async fn new(&self) -> Arc<dyn HttpClient> {
        Arc::new(Self::default())
    }
}
