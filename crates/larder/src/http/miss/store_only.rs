//! Answering from the shared tier where the memory tier is off.

use std::sync::Arc;

use http::Request;
use larder_core::outcome::Outcome;
use tracing::Instrument as _;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::store_time::StoreTime;
use crate::http::body::erased_body::ErasedRequestBody;
use crate::http::encode::form::FormRequest;
use crate::http::encode::store_form::form_from_store;
use crate::http::erased_service::{ErasedFuture, ErasedResult, ErasedService};
use crate::http::fill::refresh::{is_due, spawn_early_refresh};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::from_store::{KeyAndAddress, lookup_store_only};
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::Access;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::miss::{bypass, handle_miss};
use crate::http::request::SplitRequest;
use crate::http::request::axum_route::matched_path;
use crate::http::serve;

/// Looks in the shared tier before anything is prepared for a fill.
///
/// The lookup leaves nothing in memory that other requests could find, so it begins no flight.
///
/// Each hit in the shared tier allocates this future, so it holds no more than it has to. An
/// `async fn` would hold its arguments twice.
#[allow(clippy::manual_async_fn)]
pub(crate) fn answer_from_store(
    layer: Arc<LayerState>,
    service: ErasedService,
    request: SplitRequest<ErasedRequestBody>,
    traits: RequestTraits,
    key_and_address: KeyAndAddress,
) -> impl Future<Output = ErasedResult> + Send + 'static {
    async move {
        spawn_follower(&layer.engine);
        let (started, time) = (layer.engine.clock.boot(), layer.engine.store_time());
        let headers = &request.parts.headers;
        let lookup = lookup_store_only(&layer, &key_and_address, headers, Access::Serve, &time).await;
        let (key, parts) = (key_and_address.key(), &request.parts);
        match lookup {
            Lookup::Fresh(cached, tier) => {
                let now = cached.received_at();
                let request_for_form = FormRequest::of_fields(&layer, headers, traits);
                let form = form_from_store(&layer, request_for_form, &cached).await;
                let stale = is_due(&layer, &cached, now)
                    .then(|| StaleResponse::for_early_refresh(Arc::clone(&cached), tier));
                let cached = form.unwrap_or(cached);
                let served =
                    serve::report_stored(&layer, || matched_path(parts), Outcome::Hit(tier), &cached, now);
                serve::record_hit(&layer, parts, key, &cached, tier, started);
                let whole = serve::hit_owned(&layer, traits, key, parts, cached, now);
                let response = serve::attach(served, whole.into_response());
                if let Some(stale) = stale {
                    spawn_early_refresh(&layer, service, request, traits, key, stale);
                }
                Ok(response)
            }
            lookup => miss(layer, service, request, traits, key, lookup, time).await,
        }
    }
}

/// Returns the future of a miss.
///
/// It is boxed, as the future of a hit would otherwise hold the whole state of a fill.
fn miss(
    layer: Arc<LayerState>,
    service: ErasedService,
    mut request: SplitRequest<ErasedRequestBody>,
    traits: RequestTraits,
    key: &str,
    lookup: Lookup,
    time: StoreTime,
) -> ErasedFuture {
    match RequestContext::new(&layer, traits, key, &mut request.parts) {
        Ok(mut context) => {
            context.store_time = Arc::new(time);
            let span = context.span.clone();
            let SplitRequest { parts, body } = request;
            let answer = handle_miss(layer, service, Request::from_parts(parts, body), context, lookup);
            Box::pin(answer.instrument(span))
        }
        Err(reason) => Box::pin(async move { bypass(&layer, service, request, reason).await }),
    }
}
