//! The least that a layer could do: a lookup in a table, and a copy of what was stored.
//!
//! It knows no rule of HTTP and adds no field, so it is of no use. It shows how much of a hit is
//! the cost of Tower, of the header map and of the body.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use bytes::Bytes;
use futures_util::future::Either;
use http_body_util::BodyExt;
use quick_cache::sync::Cache;

use tower::{Layer, Service};

struct Stored {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// A layer that stores every response by the path and the query of its request.
#[derive(Clone)]
pub(crate) struct LeastLayer(Arc<Cache<Box<str>, Arc<Stored>>>);

impl LeastLayer {
    pub(crate) fn new() -> Self {
        Self::of(1000)
    }

    /// Creates a layer with room for this many responses.
    pub(crate) fn of(responses: usize) -> Self {
        Self(Arc::new(Cache::new(responses)))
    }
}

impl<S> Layer<S> for LeastLayer {
    type Service = Least<S>;

    fn layer(&self, inner: S) -> Least<S> {
        Least { inner, stored: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub(crate) struct Least<S> {
    inner: S,
    stored: Arc<Cache<Box<str>, Arc<Stored>>>,
}

type Answer = Result<Response<Body>, Infallible>;

impl<S> Service<Request<Body>> for Least<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Answer>, Pin<Box<dyn Future<Output = Answer> + Send>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let key = request.uri().path_and_query().map_or("", |target| target.as_str());
        if let Some(stored) = self.stored.get(key) {
            let mut response = Response::new(Body::from(stored.body.clone()));
            *response.status_mut() = stored.status;
            *response.headers_mut() = stored.headers.clone();
            return Either::Left(ready(Ok(response)));
        }
        let (key, table) = (Box::from(key), Arc::clone(&self.stored));
        let answer = self.inner.call(request);
        Either::Right(Box::pin(async move {
            let (parts, body) = answer.await?.into_parts();
            let body = body.collect().await.expect("a whole body").to_bytes();
            let stored = Stored { status: parts.status, headers: parts.headers.clone(), body: body.clone() };
            table.insert(key, Arc::new(stored));
            Ok(Response::from_parts(parts, Body::from(body)))
        }))
    }
}
