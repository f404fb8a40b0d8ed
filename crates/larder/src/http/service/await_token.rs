//! Requests whose token may be ahead of what this instance has read of the invalidation log.

use std::sync::Arc;

use http::request::Parts;
use larder_core::outcome::{BypassReason, Outcome};
use tracing::Instrument as _;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::http::body::erased_body::ErasedRequestBody;
use crate::http::body::service_bounds::CacheableService;
use crate::http::erased_service::{ErasedFuture, ErasedResult, ErasedService};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::equivalent::lookup_memory_scoped;
use crate::http::lookup::from_memory::is_store_only;
use crate::http::lookup::from_store::KeyAndAddress;
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
use crate::http::service::erased_calls::{answer_miss, answer_store_only};
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
        parts: Parts,
        body: Q,
        token: RequestToken,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let is_plain = self.is_plain(&parts);
        let (layer, service) = (Arc::clone(self.layer()), self.erased_inner());
        let request = SplitRequest { parts, body: ErasedRequestBody::new(body) };
        ResponseFuture::boxed(TokenCall { layer, service, request, traits, key, is_plain }.answer(token))
    }
}

/// A request that waits for its token.
struct TokenCall {
    layer: Arc<LayerState>,
    service: ErasedService,
    request: SplitRequest<ErasedRequestBody>,
    traits: RequestTraits,
    key: Box<str>,
    /// Whether it is certain that no inner layer handles this request.
    is_plain: bool,
}

impl TokenCall {
    fn answer(self, token: RequestToken) -> ErasedFuture {
        Box::pin(async move {
            spawn_follower(&self.layer.engine);
            if wait_for_token(&self.layer, token).await {
                self.look_up().await
            } else {
                self.run_handler().await
            }
        })
    }

    /// Answers the request as if it had just arrived.
    async fn look_up(self) -> ErasedResult {
        let Self { layer, service, mut request, traits, key, is_plain } = self;
        let now = layer.engine.clock.boot();
        let parts = &request.parts;
        let lookup = match lookup_memory_scoped(&layer, Access::Serve, traits, &key, parts, now) {
            Lookup::Fresh(cached, tier) => {
                let outcome = Outcome::Hit(tier);
                let served = serve::report_stored(&layer, || matched_path(parts), outcome, &cached, now);
                serve::record_hit(&layer, parts, &key, &cached, tier, now);
                let response = serve::hit(&layer, traits, &key, parts, &cached, tier, now);
                return Ok(serve::attach(served, response.into_response()));
            }
            lookup => lookup,
        };
        if is_store_only(&layer, traits) && is_plain {
            return answer_store_only(layer, service, request, traits, KeyAndAddress::new(&key)).await;
        }
        match RequestContext::new(&layer, traits, &key, &mut request.parts) {
            Ok(mut context) => {
                context.is_provisional = !is_plain;
                answer_miss(layer, service, request.join(), context, lookup).await
            }
            Err(reason) => bypass(&layer, service, request, reason).await,
        }
    }

    /// Runs the handler, because the instance may not have read the log up to the token.
    async fn run_handler(self) -> ErasedResult {
        let Self { layer, service, mut request, traits, key, .. } = self;
        match RequestContext::new(&layer, traits, &key, &mut request.parts) {
            Ok(context) => {
                let (span, service) = (context.span.clone(), ReadyService::new(service));
                let run = fill_ignoring_stored(layer, service, request.join(), context, BYPASS_REASON);
                run.instrument(span).await
            }
            Err(reason) => bypass(&layer, service, request, reason).await,
        }
    }
}
