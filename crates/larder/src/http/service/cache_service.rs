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

use crate::http::body::CacheBody;
use crate::http::body::service_bounds::Inner;
use crate::http::fill::refresh::{is_due, refresh_early};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Known;
use crate::http::lookup::eligibility::{Look, Plan, classify};
use crate::http::lookup::equivalent::lookup_memory_scoped;
use crate::http::lookup::from_memory::{is_store_only, lookup_memory};
use crate::http::lookup::from_store::Named;
use crate::http::lookup::only_if_cached::forbids_bypass;
use crate::http::lookup::request_context::Ask;
use crate::http::miss::answer;
use crate::http::miss::store_only::answer_directly;
use crate::http::nesting::{self, Nesting, OuterRun, Place};
use crate::http::request::body_hint;
use crate::http::serve;
use crate::http::serve::record::record_bypass;
use crate::http::service::before_lookup::{Detour, before_lookup, take_token};
use crate::http::service::future::ResponseFuture;
use crate::http::service::unsafe_method::{self, Write};

/// A service whose responses are cached. Made by [`CacheLayer`](crate::http::service::layer::CacheLayer).
#[derive(Debug)]
pub struct CacheService<S> {
    inner: S,
    route: Arc<LayerState>,
}

impl<S: Clone> Clone for CacheService<S> {
    fn clone(&self) -> Self {
        nesting::note_clone();
        Self { inner: self.inner.clone(), route: Arc::clone(&self.route) }
    }
}

impl<S> CacheService<S> {
    pub(super) const fn new(inner: S, route: Arc<LayerState>) -> Self {
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
        OuterRun::report(&parts);
        // Made here, where it stays: it is too large to be handed about.
        let mut key = KeyBuf::new();
        match classify(&self.route, &mut parts, &mut key) {
            Plan::Look(_) if body_hint::has_unannounced_body(&parts, &body) => self.past(parts, body, BypassReason::Body),
            Plan::Look(look) => {
                let key = key.as_str().unwrap_or_default();
                if let Some(detour) = before_lookup(&self.route, &mut parts.headers) {
                    return match detour {
                        Detour::CatchUp(brought) => self.catch_up(look, key.into(), parts, body, brought),
                        Detour::Search => self.search(look, key, parts, body),
                    };
                }
                if is_store_only(&self.route, look) && self.is_plain(&parts) {
                    return self.ask_shared_alone(look, key, parts, body);
                }
                let now = self.route.engine.clock.boot();
                match lookup_memory(&self.route, look, key, &parts.headers, now) {
                    Known::Fresh(held, tier) if is_due(&self.route, &held, now) => {
                        let response = serve::fresh(&self.route, look, key, &parts, &held, tier, now);
                        let inner = self.take_ready();
                        refresh_early(&self.route, inner, (parts, body), look, key, (held, tier));
                        ResponseFuture::stored(response)
                    }
                    Known::Fresh(held, tier) => {
                        ResponseFuture::stored(serve::fresh(&self.route, look, key, &parts, &held, tier, now))
                    }
                    known => self.ask(look, key, known, parts, body),
                }
            }
            Plan::Write => self.write(parts, body),
            Plan::Past(reason) => self.past(parts, body, reason),
        }
    }
}

impl<S> CacheService<S> {
    /// Answers a request where nothing is kept in memory.
    pub(super) fn ask_shared_alone<Q>(
        &mut self,
        look: Look,
        key: &str,
        parts: Parts,
        body: Q,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<Q>,
        Q: Send + 'static,
    {
        let (route, inner) = (Arc::clone(&self.route), self.take_ready());
        ResponseFuture::longer(answer_directly(route, inner, (parts, body), look, Named::new(key)))
    }

    /// Answers a request that may be answered by what was made for an equivalent query.
    fn search<Q>(
        &mut self,
        look: Look,
        key: &str,
        parts: Parts,
        body: Q,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<Q>,
        Q: Send + 'static,
    {
        let now = self.route.engine.clock.boot();
        match lookup_memory_scoped(&self.route, look, key, &parts, now) {
            Known::Fresh(held, tier) => {
                let response = serve::fresh(&self.route, look, &held.meta.key, &parts, &held, tier, now);
                if is_due(&self.route, &held, now) {
                    let inner = self.take_ready();
                    refresh_early(&self.route, inner, (parts, body), look, key, (held, tier));
                }
                ResponseFuture::stored(response)
            }
            known => self.ask(look, key, known, parts, body),
        }
    }

    /// Answers a request that memory has no fresh response for.
    pub(super) fn ask<Q>(
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
        let provisional = !self.is_plain(&parts);
        match Ask::new(&self.route, look, key, &mut parts) {
            Ok(mut ask) => {
                ask.provisional = provisional;
                let inner = self.take_ready();
                let request = Request::from_parts(parts, body);
                let span = ask.span.clone();
                let answer = answer(Arc::clone(&self.route), inner, request, ask, known);
                ResponseFuture::longer(answer.instrument(span))
            }
            Err(reason) => self.past(parts, body, reason),
        }
    }

    fn past<Q>(
        &mut self,
        mut parts: Parts,
        body: Q,
        reason: BypassReason,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<Q>,
    {
        let outcome = Outcome::Bypass(reason);
        record_bypass(&self.route, &parts, "", outcome);
        if forbids_bypass(&self.route, reason, &parts.headers) {
            return ResponseFuture::stored(serve::nothing_stored(outcome));
        }
        let run = OuterRun::begin(&self.route.nesting, &mut parts);
        ResponseFuture::past(self.inner.call(Request::from_parts(parts, body)), outcome, run)
    }

    fn write<Q>(&mut self, mut parts: Parts, body: Q) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<Q>,
        Q: Send + 'static,
    {
        let written = unsafe_method::names(&self.route, &mut parts);
        let brought = take_token(&self.route, &mut parts.headers);
        record_bypass(&self.route, &parts, "", unsafe_method::OUTCOME);
        let is_nested = OuterRun::is_within(&parts);
        let run = OuterRun::of_write(&mut parts);
        let response = self.inner.call(Request::from_parts(parts, body));
        let write = Write { written, brought, run, is_nested };
        ResponseFuture::longer(unsafe_method::answer(Arc::clone(&self.route), response, write))
    }

    /// Whether it is certain that no layer further in handles this request.
    pub(super) fn is_plain(&self, parts: &Parts) -> bool
    where
        S: Clone,
    {
        let (table, place) = (&self.route.nesting, Place::of(parts));
        match table.get(place) {
            Some(nesting) => nesting == Nesting::Plain,
            None if nesting::is_certainly_plain(&self.inner, parts) => {
                table.learn(place, Nesting::Plain);
                true
            }
            None => false,
        }
    }

    pub(super) fn route(&self) -> &Arc<LayerState> {
        &self.route
    }

    /// The inner service that was polled ready; a clone, which is not, stays here to be polled for the next request.
    pub(super) fn take_ready(&mut self) -> S
    where
        S: Clone,
    {
        let clone = self.inner.clone();
        std::mem::replace(&mut self.inner, clone)
    }
}
