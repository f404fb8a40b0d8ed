//! The answer to a request that accepts only a stored response.

use std::sync::Arc;

use http::Response;
use http_body::Body;
use larder_core::outcome::{MissReason, Outcome, StaleReason};

use crate::http::body::CacheBody;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::credentials_reason;
use crate::http::lookup::equivalent::lookup_shared;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::miss::look_in_memory;
use crate::http::serve;
use crate::http::serve::record::record;

/// Answers a request that accepts only a stored response.
///
/// RFC 9111 §5.2.1.7: "Caches that honor this request directive SHOULD, upon receiving it, respond
/// with either a stored response consistent with the other constraints of the request or a 504
/// (Gateway Timeout) status code."
pub(super) async fn answer_only_if_cached<B: Body>(
    layer: &LayerState,
    context: &mut RequestContext,
    lookup: Lookup,
) -> Response<CacheBody<B>> {
    match decide(layer, context, lookup).await {
        (Some(cached), outcome) => serve::from_cache(layer, context, &cached, outcome),
        (None, outcome) => gateway_timeout(layer, context, outcome),
    }
}

/// Returns the stored response for a request that accepts nothing else, and the outcome.
pub(super) async fn decide(
    layer: &LayerState,
    context: &mut RequestContext,
    lookup: Lookup,
) -> (Option<Arc<CachedResponse>>, Outcome) {
    match look_further(layer, context, lookup).await {
        Lookup::Fresh(cached, tier) => (Some(cached), Outcome::Hit(tier)),
        // Not refreshed: the handler would get this very directive.
        Lookup::Stale(StaleResponse { cached, tier, while_revalidate: true, .. }) => {
            (Some(cached), Outcome::Stale(tier, StaleReason::WhileRevalidate))
        }
        Lookup::Stale(StaleResponse { reason, .. }) | Lookup::Miss(reason, _) => {
            (None, Outcome::Miss(reason))
        }
        Lookup::Partial(_) => (None, Outcome::Miss(MissReason::Partial)),
        Lookup::HitForMiss => {
            let bypass = credentials_reason(context.traits.credentials).map(Outcome::Bypass);
            (None, bypass.unwrap_or(Outcome::Miss(MissReason::HitForMiss)))
        }
    }
}

/// Looks the response up in the shared tier if memory has nothing to serve.
async fn look_further(layer: &LayerState, context: &mut RequestContext, lookup: Lookup) -> Lookup {
    let lookup = match lookup {
        // A stored response may be from before a layer further in handled this route.
        lookup if context.is_provisional => lookup,
        Lookup::Miss(reason, _) => lookup_shared(layer, context.lookup_key(), reason).await,
        Lookup::Partial(_) => lookup_shared(layer, context.lookup_key(), MissReason::Partial).await,
        // Another instance may have refreshed it.
        Lookup::Stale(StaleResponse { reason, while_revalidate: false, .. }) => {
            lookup_shared(layer, context.lookup_key(), reason).await
        }
        lookup => lookup,
    };
    match lookup {
        Lookup::Miss(reason, _) if context.follow_redirect(layer) => match look_in_memory(layer, context) {
            Lookup::Miss(..) => lookup_shared(layer, context.lookup_key(), reason).await,
            lookup => lookup,
        },
        lookup => lookup,
    }
}

/// Returns the 504 for a request that accepts only a stored response.
pub(super) fn gateway_timeout<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    outcome: Outcome,
) -> Response<CacheBody<B>> {
    record(layer, context, outcome);
    let served = serve::report_handled(layer, || context.matched_path.as_deref(), outcome, None);
    serve::attach(served, serve::gateway_timeout(&layer.http.reporting, outcome).into_response())
}
