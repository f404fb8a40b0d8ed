//! Requests whose token may be ahead of what this instance has read of the invalidation log.

use std::sync::Arc;

use http::Request;
use http::request::Parts;
use larder_core::outcome::{BypassReason, Outcome};
use tracing::Instrument as _;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::http::body::service_bounds::CacheableService;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::equivalent::lookup_memory_scoped;
use crate::http::lookup::from_memory::is_store_only;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::Access;
use crate::http::miss::{bypass, fill_ignoring_stored};
use crate::http::policy::read_your_writes::RequestToken;
use crate::http::ready_service::ReadyService;
use crate::http::request::SplitRequest;
use crate::http::request::axum_route::matched_path;
use crate::http::serve;
use crate::http::service::before_lookup::wait_for_token;
use crate::http::service::cache_service::CacheService;
use crate::http::service::future::ResponseFuture;

/// The reason for a bypass if the token cannot be compared or the wait was too short.
///
/// A token cannot be compared in the cases of rule 17, or if it is not one of this cache.
const BYPASS_REASON: BypassReason = BypassReason::ReadYourWrites;

impl<S> CacheService<S> {
    /// Waits until this instance has read the log up to the token, then looks the request up.
    ///
    /// If the wait is not successful, the handler runs. Before the wait no stored response is read
    /// and no flight is joined (rule 17).
    #[cold]
    pub(super) fn call_after_token<Q>(
        &mut self,
        traits: RequestTraits,
        key: Box<str>,
        mut parts: Parts,
        body: Q,
        token: RequestToken,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let layer = Arc::clone(self.layer());
        let service = self.inner().clone();
        ResponseFuture::boxed(async move {
            spawn_follower(&layer.engine);
            if wait_for_token(&layer, token).await {
                let now = layer.engine.clock.boot();
                let lookup = lookup_memory_scoped(&layer, Access::Serve, traits, &key, &parts, now);
                if let Lookup::Fresh(cached, tier) = lookup {
                    let outcome = Outcome::Hit(tier);
                    let served = serve::report_stored(&layer, || matched_path(&parts), outcome, &cached, now);
                    serve::record_hit(&layer, &parts, &key, &cached, tier, now);
                    let response = serve::hit(&layer, traits, &key, &parts, &cached, tier, now);
                    return Ok(serve::attach(served, response.into_response()));
                }
                let mut service = Self::new(service, Arc::clone(&layer));
                if is_store_only(&layer, traits) && service.is_plain(&parts) {
                    return service.call_store_only(traits, &key, parts, body).await;
                }
                return service.handle_miss(traits, &key, lookup, parts, body).await;
            }
            match RequestContext::new(&layer, traits, &key, &mut parts) {
                Ok(context) => {
                    let span = context.span.clone();
                    let request = Request::from_parts(parts, body);
                    fill_ignoring_stored(layer, ReadyService::new(service), request, context, BYPASS_REASON)
                        .instrument(span)
                        .await
                }
                Err(reason) => {
                    let request = SplitRequest { parts, body };
                    bypass(&layer, service, request, reason).await
                }
            }
        })
    }
}
