//! Requests that are not answered from stored responses.

use std::sync::Arc;

use http::Request;
use larder_core::outcome::{BypassReason, Outcome};
use tower_service::Service as _;

use crate::http::body::erased_body::ErasedRequestBody;
use crate::http::erased_service::{ErasedRequest, ErasedResult, ErasedService};
use crate::http::fill::FillPlan;
use crate::http::layer_state::LayerState;
use crate::http::lookup::only_if_cached::{forbids_bypass, is_only_if_cached};
use crate::http::lookup::request_context::RequestContext;
use crate::http::miss::Miss;
use crate::http::miss::only_stored::gateway_timeout;
use crate::http::miss::step::Ending;
use crate::http::nesting::OuterRun;
use crate::http::ready_service::ReadyService;
use crate::http::request::SplitRequest;
use crate::http::request::axum_route::matched_path;
use crate::http::response::invalidation_part::apply_invalidation;
use crate::http::serve;
use crate::http::serve::record::record_bypass;

/// Runs the handler for a request that must not get a stored response.
///
/// The response is still stored if it may be. If it is older than an event that this instance has
/// yet to read, it is refused later, like any other.
pub(crate) async fn fill_ignoring_stored(
    layer: Arc<LayerState>,
    service: ReadyService<ErasedService>,
    request: ErasedRequest,
    context: RequestContext,
    reason: BypassReason,
) -> ErasedResult {
    let outcome = Outcome::Bypass(reason);
    if is_only_if_cached(&layer, &context.headers) {
        return Ok(gateway_timeout(&layer, &context, outcome));
    }
    let miss = Miss::new(layer, service, request, context, 0);
    miss.finish(Ending::Fill(FillPlan::alone(None, outcome))).await
}

/// Passes on a request that turned out not to be for the cache.
pub(crate) async fn bypass(
    layer: &Arc<LayerState>,
    service: ErasedService,
    request: SplitRequest<ErasedRequestBody>,
    reason: BypassReason,
) -> ErasedResult {
    let SplitRequest { mut parts, body } = request;
    let outcome = Outcome::Bypass(reason);
    let timer = record_bypass(layer, &parts, "", outcome);
    let served = serve::report_handled(layer, || matched_path(&parts), outcome, None);
    if forbids_bypass(layer, reason, &parts) {
        let whole = serve::gateway_timeout(&layer.http.reporting, outcome);
        return Ok(serve::attach(served, whole.into_response()));
    }
    let run = OuterRun::begin(&layer.nesting, &mut parts);
    let mut service = ReadyService::new(service).ready().await?;
    let response = service.call(Request::from_parts(parts, body)).await?;
    if let Some(timer) = timer {
        timer.finish(layer);
    }
    let response = apply_invalidation(&layer.engine, response).await;
    Ok(serve::bypassed(layer, response, outcome, &run, served))
}
