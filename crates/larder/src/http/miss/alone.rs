//! Running the handler for one request alone.

use std::sync::Arc;

use http::Request;
use larder_core::outcome::{BypassReason, MissReason, Outcome};

use crate::http::body::CacheBody;
use crate::http::body::service_bounds::{CacheableService, ServiceResult};
use crate::http::fill::Fill;
use crate::http::fill::run::run_attached;
use crate::http::layer_state::LayerState;
use crate::http::lookup::only_if_cached::is_only_if_cached;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::miss::answer_only_if_cached::nothing_stored;
use crate::http::ready_service::ReadyService;
use crate::http::serve::record::record;

/// Answers a request that must not be given what is stored. What the handler makes of it is stored if it may be, and
/// what is older than what this instance will read of the log is refused as ever.
pub(crate) async fn past_what_is_stored<S, Q>(
    layer: Arc<LayerState>,
    place: ReadyService<S>,
    request: Request<Q>,
    context: RequestContext,
    reason: BypassReason,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    if is_only_if_cached(&layer, &context.headers) {
        return Ok(nothing_stored(&layer, &context, Outcome::Bypass(reason)));
    }
    alone(&layer, context, place, request, None, Outcome::Bypass(reason)).await
}

/// Runs the handler for this request alone. What comes of it is stored if it may be; what is stale stands in
/// for a handler that fails.
pub(super) async fn alone<S, Q>(
    layer: &Arc<LayerState>,
    context: RequestContext,
    place: ReadyService<S>,
    request: Request<Q>,
    stale: Option<StaleResponse>,
    outcome: Outcome,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    run_attached(Fill::for_one(layer, context, stale, None, outcome), place, request).await
}

/// Passes a request on to a layer further in, which handles it.
pub(super) async fn pass_to_nested<S, Q>(
    layer: &LayerState,
    context: RequestContext,
    place: ReadyService<S>,
    request: Request<Q>,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    record(&layer, &context, Outcome::Bypass(BypassReason::Nested));
    let response = place.ready().await?.call(request).await?;
    Ok(response.map(CacheBody::inner))
}

/// Runs the handler for a request for parts, as it is. Where only `base` is stored, the two may make more together.
pub(super) async fn in_part<S, Q>(
    layer: &Arc<LayerState>,
    context: RequestContext,
    place: ReadyService<S>,
    request: Request<Q>,
    base: Option<Arc<CachedResponse>>,
    reason: MissReason,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    run_attached(Fill::for_one(layer, context, None, base, Outcome::Miss(reason)), place, request).await
}
