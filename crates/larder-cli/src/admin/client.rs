//! Sends a request with the token, and reads the answer.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::admin::answer::Answer;
use crate::admin::answer_error::answer_error;
use crate::admin::line_stream::LineStream;
use crate::cli_error::CliError;
use crate::target::AdminUrl;
use crate::transport::HttpClient;

/// The longest answer. A page has at most a thousand entries.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How often a request is sent that comes too soon.
const MAX_TRIES: u32 = 3;
/// The longest wait before it is sent again.
const MAX_RETRY_WAIT: Duration = Duration::from_secs(5);

/// The client of the admin API.
#[derive(Debug)]
pub(crate) struct AdminClient {
    url: AdminUrl,
    http: HttpClient,
}

impl AdminClient {
    pub(crate) const fn new(url: AdminUrl, http: HttpClient) -> Self {
        Self { url, http }
    }

    /// Returns the host and port of the application, as its URL has them.
    pub(crate) fn host(&self) -> &str {
        let after = self.url.base.split_once("://").map_or("", |(_, after)| after);
        after.split('/').next().unwrap_or_default()
    }

    /// Gets a resource, such as `stats`.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, CliError> {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer, CliError> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, body: Option<&Value>) -> Result<Answer, CliError> {
        self.call(Method::DELETE, path, body).await
    }

    /// Begins to read an answer that does not end.
    pub(crate) async fn stream(&self, path: &str) -> Result<LineStream, CliError> {
        let response = self.send(&Method::GET, path, None).await?;
        match response.status().is_success() {
            true => Ok(LineStream::new(response.into_body())),
            false => Err(self.error(response).await),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, CliError> {
        let response = self.send(&method, path, body).await?;
        if !response.status().is_success() {
            return Err(self.error(response).await);
        }
        let answer = self.collect(response.into_body()).await?;
        match serde_json::from_slice(&answer) {
            Ok(json) => Ok(Answer(json)),
            Err(error) => {
                Err(CliError::failed(format!("{} is no admin router of Larder: {error}", self.url.base)))
            }
        }
    }

    /// Sends a request, again after a moment if there were too many.
    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, CliError> {
        let mut tries = 1;
        loop {
            let response = self.http.send(self.request(method, path, body)?).await?;
            match retry_wait(&response) {
                Some(wait) if tries < MAX_TRIES => sleep(wait).await,
                _ => return Ok(response),
            }
            tries += 1;
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, CliError> {
        let mut request = Request::builder().method(method).uri(format!("{}/api/{path}", self.url.base));
        if let Some(token) = &self.url.token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
                .map_err(|_| CliError::usage("the token has a character that no token has"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Full::from(body.to_string())
            }
            None => Full::default(),
        };
        request.body(body).map_err(|error| CliError::usage(format!("{}: {error}", self.url.base)))
    }

    async fn error(&self, response: Response<Incoming>) -> CliError {
        let status = response.status();
        match self.collect(response.into_body()).await {
            Ok(body) => answer_error(&self.url.base, self.url.token.is_some(), status, &body),
            Err(error) => error,
        }
    }

    /// Reads a body that ends.
    async fn collect(&self, body: Incoming) -> Result<Bytes, CliError> {
        let collected = timeout(self.http.timeout(), Limited::new(body, MAX_ANSWER).collect()).await;
        let body = collected.map_err(|_| self.http.too_late(&self.url.base))?;
        Ok(body.map_err(|error| CliError::unreachable(format!("the answer broke off: {error}")))?.to_bytes())
    }
}

/// Returns after which time a request that came too soon may be sent again.
fn retry_wait(response: &Response<Incoming>) -> Option<Duration> {
    let is_too_soon = response.status() == StatusCode::TOO_MANY_REQUESTS;
    let field = response.headers().get(RETRY_AFTER).filter(|_| is_too_soon)?;
    let seconds = field.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|wait| *wait <= MAX_RETRY_WAIT)
}
