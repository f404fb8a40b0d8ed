//! Requests in an open loop: each is sent when it is due, independent of earlier ones.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use axum::body::Body;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// The request rate, and the number of different responses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) per_second: u32,
    pub(crate) keys: u32,
}

/// The result of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestResult {
    pub(crate) took: Duration,
    pub(crate) hit: bool,
    pub(crate) failed: bool,
}

/// A request that takes longer counts as failed.
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(10);

/// A client with a pool of connections. It never retries.
#[derive(Clone)]
pub(crate) struct Clients {
    client: Client<HttpConnector, Body>,
    server: SocketAddr,
}

impl Clients {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector);
        Self { client, server }
    }

    /// Requests one response.
    pub(crate) async fn request(&self, id: &str) -> RequestResult {
        let begun = Instant::now();
        let answer = timeout(MAX_RESPONSE_TIME, self.answer(id)).await;
        let hit = matches!(&answer, Ok(Ok(true)));
        RequestResult { took: begun.elapsed(), hit, failed: !matches!(answer, Ok(Ok(_))) }
    }

    /// Returns whether the response was a hit.
    async fn answer(&self, id: &str) -> Result<bool> {
        let uri = format!("http://{}/products/{id}", self.server);
        let response = self.client.request(Request::get(uri).body(Body::empty())?).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        if parts.status != StatusCode::OK || !body.ends_with(id.as_bytes()) {
            bail!("{} with {} bytes for {id}", parts.status, body.len());
        }
        Ok(parts.headers.get("x-cache") == Some(&HeaderValue::from_static("HIT")))
    }

    /// Requests each response until it is a hit, so that all are cached.
    pub(crate) async fn warm(&self, keys: u32) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        for id in 0..keys {
            while !self.request(&id.to_string()).await.hit {
                if Instant::now() > deadline {
                    bail!("{id} is no hit, however often it is asked for");
                }
            }
        }
        Ok(())
    }
}

impl Rate {
    /// Requests random responses for this long, and returns the result of each request.
    pub(crate) async fn send(self, clients: &Clients, during: Duration) -> Vec<RequestResult> {
        let begun = Instant::now();
        let apart = Duration::from_secs(1) / self.per_second;
        let mut due = begun;
        let mut under_way = JoinSet::new();
        while due < begun + during {
            sleep_until(due).await;
            let (clients, id) = (clients.clone(), fastrand::u32(..self.keys));
            under_way.spawn(async move { clients.request(&id.to_string()).await });
            due += apart;
        }
        under_way.join_all().await
    }
}
