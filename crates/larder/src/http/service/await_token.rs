//! Requests that bring a token: reading one's own writes.

use std::sync::Arc;

use http::Request;
use http::request::Parts;
use larder_core::outcome::BypassReason;
use tracing::Instrument as _;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::http::body::service_bounds::Inner;
use crate::http::lookup::Known;
use crate::http::lookup::eligibility::Look;
use crate::http::lookup::equivalent::lookup_memory_scoped;
use crate::http::lookup::from_memory::is_store_only;
use crate::http::lookup::request_context::Ask;
use crate::http::miss::alone::past_what_is_stored;
use crate::http::miss::store_only::past;
use crate::http::policy::read_your_writes::Brought;
use crate::http::ready_service::Place;
use crate::http::serve;
use crate::http::service::before_lookup::wait_for_token;
use crate::http::service::cache_service::CacheService;
use crate::http::service::future::ResponseFuture;

/// Rule 17, and whatever is not a token of ours.
const REASON: BypassReason = BypassReason::ReadYourWrites;

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
            spawn_follower(&route.engine);
            // Who waits takes up no place that others could use.
            place.leave();
            if wait_for_token(&route, brought).await {
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
