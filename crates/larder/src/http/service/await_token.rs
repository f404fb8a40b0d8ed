//! Requests that bring a token: reading one's own writes.

use crate::http::lookup::equivalent::lookup_memory_scoped;
use crate::http::lookup::from_memory::is_store_only;
use crate::http::miss::alone::past_what_is_stored;
use crate::http::miss::store_only::past;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Request};
use larder_core::log::tail::Tail;
use larder_core::outcome::BypassReason;
use tracing::Instrument as _;

use crate::engine::invalidate::follow::start;
use crate::http::body::service_bounds::Inner;
use crate::http::layer_state::Route;
use crate::http::lookup::Known;
use crate::http::lookup::eligibility::Look;
use crate::http::lookup::request_context::Ask;
use crate::http::policy::read_your_writes::Brought;
use crate::http::ready_service::Place;
use crate::http::serve;
use crate::http::service::cache_service::CacheService;
use crate::http::service::future::ResponseFuture;

/// Rule 17, and whatever is not a token of ours.
const REASON: BypassReason = BypassReason::ReadYourWrites;

/// What has to be done for a request before it is looked up, or how it is.
pub(super) enum Detour {
    /// The log has to be read as far as this.
    CatchUp(Brought),
    /// It may be answered by what was made for an equivalent query.
    Search,
}

impl Route {
    /// Puts the request's fields in order where the policy asks for it. Returns why it is not looked up under its key at once.
    #[inline]
    pub(super) fn detour(&self, request: &mut HeaderMap) -> Option<Detour> {
        let before = self.policy.before.as_ref()?;
        before.spell(request);
        match self.behind(request) {
            Some(brought) => Some(Detour::CatchUp(brought)),
            None => self.policy.searches().then_some(Detour::Search),
        }
    }

    /// The token that a request brings, if this instance may know less than that says.
    fn behind(&self, request: &mut HeaderMap) -> Option<Brought> {
        self.take_token(request).filter(|brought| match brought {
            Ok(token) => !self.engine.log.has_reached(token),
            Err(_) => true,
        })
    }

    #[inline]
    pub(super) fn take_token(&self, request: &mut HeaderMap) -> Option<Brought> {
        self.policy.own_writes()?.take(request)
    }

    /// Tells a client what is known here after its write, and `applied` says whether that write is in the log.
    pub(crate) fn give_token(&self, response: &mut HeaderMap, brought: Option<Brought>, applied: bool) {
        let Some(own_writes) = self.policy.own_writes() else { return };
        let log = &self.engine.log;
        let own = log.read(Tail::token);
        let token = match brought {
            Some(Ok(brought)) => own.after(brought, applied),
            Some(Err(_)) | None => own,
        };
        own_writes.give(&token, response, log.max_staleness());
    }

    async fn catch_up(&self, brought: Brought) -> bool {
        match (self.policy.own_writes(), brought) {
            (Some(own_writes), Ok(token)) => {
                self.engine.log.catch_up(&token, own_writes.wait, self.engine.clock.boot()).await
            }
            _ => false,
        }
    }
}

impl<S> CacheService<S> {
    /// Looks up a request once this instance knows what its client was told elsewhere, or hands it to the handler. Nothing
    /// is read of what is known before that wait, and no flight is joined (rule 17).
    #[cold]
    pub(super) fn catch_up<Q>(
        &mut self,
        look: Look,
        key: Box<str>,
        mut parts: Parts,
        body: Q,
        brought: Brought,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<Q>,
        Q: Send + 'static,
    {
        let route = Arc::clone(self.route());
        let mut place = Place::ready(self.take_ready());
        ResponseFuture::longer(async move {
            start(&route.engine);
            // Who waits takes up no place that others could use.
            place.leave();
            if route.catch_up(brought).await {
                let now = route.engine.clock.boot();
                let known = lookup_memory_scoped(&route, look, &key, &parts, now);
                if let Known::Fresh(held, tier) = known {
                    let response = serve::fresh(&route, look, &key, &parts, &held, tier, now);
                    return Ok(response.into_response());
                }
                let mut service = Self::new(place.take().await?, Arc::clone(&route));
                if is_store_only(&route, look) && service.is_plain(&parts) {
                    return service.ask_shared_alone(look, &key, parts, body).await;
                }
                return service.ask(look, &key, known, parts, body).await;
            }
            match Ask::new(&route, look, &key, &mut parts) {
                Ok(ask) => {
                    let span = ask.span.clone();
                    let request = Request::from_parts(parts, body);
                    past_what_is_stored(route, place, request, ask, REASON).instrument(span).await
                }
                Err(reason) => past(&route, &mut place.take().await?, parts, body, reason).await,
            }
        })
    }
}
