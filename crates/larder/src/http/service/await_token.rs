//! Requests that bring a token: reading one's own writes.

use std::sync::Arc;

use http::Request;
use http::request::Parts;
use larder_core::outcome::BypassReason;
use tracing::Instrument as _;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::http::body::service_bounds::CacheableService;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::equivalent::lookup_memory_scoped;
use crate::http::lookup::from_memory::is_store_only;
use crate::http::lookup::request_context::RequestContext;
use crate::http::miss::alone::past_what_is_stored;
use crate::http::miss::store_only::past;
use crate::http::policy::read_your_writes::RequestToken;
use crate::http::ready_service::ReadyService;
use crate::http::serve;
use crate::http::service::before_lookup::wait_for_token;
use crate::http::service::cache_service::CacheService;
use crate::http::service::future::ResponseFuture;

/// Rule 17, and whatever is not a token of ours.
const BYPASS_REASON: BypassReason = BypassReason::ReadYourWrites;

impl<S> CacheService<S> {
    /// Looks up a request once this instance knows what its client was told elsewhere, or hands it to the handler. Nothing
    /// is read of what is known before that wait, and no flight is joined (rule 17).
    #[cold]
    pub(super) fn call_after_token<Q>(
        &mut self,
        look: RequestTraits,
        key: Box<str>,
        mut parts: Parts,
        body: Q,
        brought: RequestToken,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let route = Arc::clone(self.route());
        let mut place = ReadyService::new(self.take_ready_service());
        ResponseFuture::boxed(async move {
            spawn_follower(&route.engine);
            // Who waits takes up no place that others could use.
            place.release();
            if wait_for_token(&route, brought).await {
                let now = route.engine.clock.boot();
                let known = lookup_memory_scoped(&route, look, &key, &parts, now);
                if let Lookup::Fresh(held, tier) = known {
                    let response = serve::hit(&route, look, &key, &parts, &held, tier, now);
                    return Ok(response.into_response());
                }
                let mut service = Self::new(place.ready().await?, Arc::clone(&route));
                if is_store_only(&route, look) && service.is_plain(&parts) {
                    return service.call_store_only(look, &key, parts, body).await;
                }
                return service.handle_miss(look, &key, known, parts, body).await;
            }
            match RequestContext::new(&route, look, &key, &mut parts) {
                Ok(ask) => {
                    let span = ask.span.clone();
                    let request = Request::from_parts(parts, body);
                    past_what_is_stored(route, place, request, ask, BYPASS_REASON).instrument(span).await
                }
                Err(reason) => past(&route, &mut place.ready().await?, parts, body, reason).await,
            }
        })
    }
}
