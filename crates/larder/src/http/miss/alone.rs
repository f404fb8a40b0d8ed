//! Running the handler for one request alone.

use std::sync::Arc;

use http::Request;
use larder_core::outcome::{BypassReason, MissReason, Outcome};

use crate::http::body::CacheBody;
use crate::http::body::service_bounds::{Answer, Inner};
use crate::http::fill::Fill;
use crate::http::fill::run::run_attached;
use crate::http::layer_state::LayerState;
use crate::http::lookup::only_if_cached::is_only_if_cached;
use crate::http::lookup::request_context::Ask;
use crate::http::memory::cached_response::Held;
use crate::http::memory::stale_response::Stale;
use crate::http::miss::answer_only_if_cached::nothing_stored;
use crate::http::ready_service::Place;
use crate::http::serve::record::record;

/// Answers a request that must not be given what is stored. What the handler makes of it is stored if it may be, and
/// what is older than what this instance will read of the log is refused as ever.
pub(crate) async fn past_what_is_stored<S, Q>(
    route: Arc<LayerState>,
    place: Place<S>,
    request: Request<Q>,
    ask: Ask,
    reason: BypassReason,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    if is_only_if_cached(&route, &ask.headers) {
        return Ok(nothing_stored(&route, &ask, Outcome::Bypass(reason)));
    }
    alone(&route, ask, place, request, None, Outcome::Bypass(reason)).await
}

/// Runs the handler for this request alone. What comes of it is stored if it may be; what is stale stands in
/// for a handler that fails.
pub(super) async fn alone<S, Q>(
    route: &Arc<LayerState>,
    ask: Ask,
    place: Place<S>,
    request: Request<Q>,
    stale: Option<Stale>,
    outcome: Outcome,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    run_attached(Fill::of_one(route, ask, stale, None, outcome), place, request).await
}

/// Passes a request on to a layer further in, which handles it.
pub(super) async fn pass_to_nested<S, Q>(
    route: &LayerState,
    ask: Ask,
    place: Place<S>,
    request: Request<Q>,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    record(&route, &ask, Outcome::Bypass(BypassReason::Nested));
    let response = place.take().await?.call(request).await?;
    Ok(response.map(CacheBody::inner))
}

/// Runs the handler for a request for parts, as it is. Where only `base` is stored, the two may make more together.
pub(super) async fn in_part<S, Q>(
    route: &Arc<LayerState>,
    ask: Ask,
    place: Place<S>,
    request: Request<Q>,
    base: Option<Arc<Held>>,
    reason: MissReason,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    run_attached(Fill::of_one(route, ask, None, base, Outcome::Miss(reason)), place, request).await
}
