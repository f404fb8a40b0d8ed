//! The service.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use larder_core::key::buf::KeyBuf;
use larder_core::outcome::{BypassReason, Outcome};
use tower_service::Service;
use tracing::Instrument as _;

use super::future::ResponseFuture;
use super::inner::Inner;
use super::plan::{Look, Plan};
use super::route::Route;
use crate::body::CacheBody;
use crate::fill::{self, Ask};
use crate::lookup::Known;
use crate::{serve, write};

/// A service whose responses are cached. Made by [`CacheLayer`](super::CacheLayer).
#[derive(Debug, Clone)]
pub struct CacheService<S> {
    inner: S,
    route: Arc<Route>,
}

impl<S> CacheService<S> {
    pub(super) const fn new(inner: S, route: Arc<Route>) -> Self {
        Self { inner, route }
    }
}

impl<S, Q, B> Service<Request<Q>> for CacheService<S>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    Q: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    type Response = Response<CacheBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, B, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        // Made here, where it stays: it is too large to be handed about.
        let mut key = KeyBuf::new();
        match self.route.plan(&mut parts, &mut key) {
            Plan::Look(look) => {
                let key = key.as_str().unwrap_or_default();
                let now = self.route.cache.clock.boot();
                match self.route.look_in_memory(look, key, &parts.headers, now) {
                    Known::Fresh(held, tier) => {
                        ResponseFuture::stored(serve::fresh(&self.route, look, key, &parts, &held, tier, now))
                    }
                    known => self.ask(look, key, known, parts, body),
                }
            }
            Plan::Write => self.write(parts, body),
            Plan::Past(reason) => {
                let outcome = Outcome::Bypass(reason);
                self.route.answered_at_once(&parts, "", outcome);
                let inherited = match reason {
                    BypassReason::Nested => self.route.inherited(&mut parts),
                    _ => None,
                };
                let inner = self.inner.call(Request::from_parts(parts, body));
                ResponseFuture::past(inner, outcome, inherited)
            }
        }
    }
}

impl<S> CacheService<S> {
    /// Answers a request that memory has no fresh response for.
    fn ask<Q>(
        &mut self,
        look: Look,
        key: &str,
        known: Known,
        mut parts: Parts,
        body: Q,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<Q>,
        Q: Send + 'static,
    {
        if let Some(missing) = self.route.goes_to_shared_alone(look, &known) {
            let (route, inner) = (Arc::clone(&self.route), self.take_ready());
            let request = Request::from_parts(parts, body);
            return ResponseFuture::longer(fill::answer_directly(
                route,
                inner,
                request,
                look,
                key.into(),
                missing,
            ));
        }
        match Ask::new(&self.route, look, key, &mut parts) {
            Ok(ask) => {
                let inner = self.take_ready();
                let request = Request::from_parts(parts, body);
                let span = ask.span.clone();
                let answer = fill::answer(Arc::clone(&self.route), inner, request, ask, known);
                ResponseFuture::longer(answer.instrument(span))
            }
            Err(reason) => {
                let outcome = Outcome::Bypass(reason);
                self.route.answered_at_once(&parts, "", outcome);
                ResponseFuture::past(self.inner.call(Request::from_parts(parts, body)), outcome, None)
            }
        }
    }

    fn write<Q>(&mut self, mut parts: Parts, body: Q) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<Q>,
        Q: Send + 'static,
    {
        let written = write::names(&self.route, &mut parts);
        self.route.answered_at_once(&parts, "", write::OUTCOME);
        let response = self.inner.call(Request::from_parts(parts, body));
        ResponseFuture::longer(write::answer(Arc::clone(&self.route.cache), response, written))
    }

    /// The inner service that was polled ready; a clone, which is not, stays here to be polled for the next request.
    fn take_ready(&mut self) -> S
    where
        S: Clone,
    {
        let clone = self.inner.clone();
        std::mem::replace(&mut self.inner, clone)
    }
}
