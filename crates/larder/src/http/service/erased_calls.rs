//! The calls that take more than a hit or a bypass. They are compiled once for all inner services.

use std::sync::Arc;

use tracing::Instrument as _;

use crate::http::body::erased_body::ErasedRequestBody;
use crate::http::erased_service::{ErasedCall, ErasedFuture, ErasedRequest, ErasedService};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::from_store::KeyAndAddress;
use crate::http::lookup::request_context::RequestContext;
use crate::http::miss;
use crate::http::request::SplitRequest;
use crate::http::response::invalidation_part::apply_invalidation;
use crate::http::service::future::Bypass;
use crate::http::service::unsafe_method::{self, Write};

/// Answers a request that memory has no fresh response for.
pub(super) fn answer_miss(
    layer: Arc<LayerState>,
    service: ErasedService,
    request: ErasedRequest,
    context: RequestContext,
    lookup: Lookup,
) -> ErasedFuture {
    let span = context.span.clone();
    Box::pin(miss::handle_miss(layer, service, request, context, lookup).instrument(span))
}

/// Answers a request if the memory tier is off.
pub(super) fn answer_store_only(
    layer: Arc<LayerState>,
    service: ErasedService,
    request: SplitRequest<ErasedRequestBody>,
    traits: RequestTraits,
    key: KeyAndAddress,
) -> ErasedFuture {
    Box::pin(miss::answer_from_store(layer, service, request, traits, key))
}

/// Finishes a bypass whose inner service was not ready.
pub(super) fn finish_bypass(end: Bypass, response: ErasedCall) -> ErasedFuture {
    Box::pin(async move {
        let response = apply_invalidation(&end.layer.engine, response.await?).await;
        Ok(end.finish(response))
    })
}

/// Answers a request that may change something.
pub(super) fn answer_write(layer: Arc<LayerState>, response: ErasedCall, write: Write) -> ErasedFuture {
    Box::pin(unsafe_method::answer_write(layer, response, write))
}
