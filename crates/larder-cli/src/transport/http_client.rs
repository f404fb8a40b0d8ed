//! Sends a request within a time.

use std::error::Error;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::cli_error::CliError;
use crate::transport::tls;

/// A client for `http` and `https`.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

impl HttpClient {
    /// Returns a client that waits this long for the head of a response.
    pub(crate) fn new(ca_pem: Option<&[u8]>, timeout: Duration) -> Result<Self, CliError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(ca_pem)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(https), timeout })
    }

    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a request. The body of the response has still to come.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CliError> {
        let address = address(&request);
        match timeout(self.timeout, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(CliError::unreachable(format!("{address}: {}", root_cause(&error)))),
            Err(_) => Err(self.too_late(&address)),
        }
    }

    /// Returns the error of a server that does not answer in time.
    pub(crate) fn too_late(&self, address: &str) -> CliError {
        let within = humantime::format_duration(self.timeout);
        CliError::unreachable(format!("{address}: no answer within {within}"))
    }
}

/// Returns scheme and host: a path or a query may be a secret.
fn address(request: &Request<Full<Bytes>>) -> String {
    let uri = request.uri();
    format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |host| host.as_str()))
}

/// The outer errors only say that a request failed. The innermost one says why.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
