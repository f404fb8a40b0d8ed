//! The answer to a request that wants nothing but what is stored.

use http::Response;
use http_body::Body;
use larder_core::outcome::{MissReason, Outcome, StaleReason};

use crate::http::body::CacheBody;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::credentials_reason;
use crate::http::lookup::equivalent::{lookup_memory_for, lookup_shared};
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::serve;
use crate::http::serve::record::record;

/// Answers a request that wants nothing but what is stored.
///
/// RFC 9111 §5.2.1.7: "Caches that honor this request directive SHOULD, upon receiving it, respond with either a stored
/// response consistent with the other constraints of the request or a 504 (Gateway Timeout) status code."
pub(super) async fn only_stored<B: Body>(
    layer: &LayerState,
    context: &mut RequestContext,
    lookup: Lookup,
) -> Response<CacheBody<B>> {
    let lookup = match lookup {
        // A stored response may be from before a layer further in handled this route.
        lookup if context.is_provisional => lookup,
        Lookup::Miss(reason) => lookup_shared(layer, context.lookup_key(), reason).await,
        Lookup::Partial(_) => lookup_shared(layer, context.lookup_key(), MissReason::Partial).await,
        // Another instance may have made it anew.
        Lookup::Stale(StaleResponse { reason, while_revalidate: false, .. }) => {
            lookup_shared(layer, context.lookup_key(), reason).await
        }
        lookup => lookup,
    };
    let lookup = match lookup {
        Lookup::Miss(reason) if context.follow_redirect(layer) => {
            match lookup_memory_for(layer, context.lookup_key(), layer.engine.clock.boot()) {
                Lookup::Miss(_) => lookup_shared(layer, context.lookup_key(), reason).await,
                lookup => lookup,
            }
        }
        lookup => lookup,
    };
    match lookup {
        Lookup::Fresh(cached, tier) => serve::from_cache(layer, context, &cached, Outcome::Hit(tier)),
        // Not refreshed: a handler would be asked with this very directive.
        Lookup::Stale(StaleResponse { cached, tier, while_revalidate: true, .. }) => {
            serve::from_cache(layer, context, &cached, Outcome::Stale(tier, StaleReason::WhileRevalidate))
        }
        Lookup::Stale(StaleResponse { reason, .. }) | Lookup::Miss(reason) => {
            nothing_stored(layer, context, Outcome::Miss(reason))
        }
        Lookup::Partial(_) => nothing_stored(layer, context, Outcome::Miss(MissReason::Partial)),
        Lookup::HitForMiss => {
            let bypass = credentials_reason(context.credentials).map(Outcome::Bypass);
            nothing_stored(layer, context, bypass.unwrap_or(Outcome::Miss(MissReason::Pass)))
        }
    }
}

pub(super) fn nothing_stored<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    outcome: Outcome,
) -> Response<CacheBody<B>> {
    record(&layer, context, outcome);
    serve::gateway_timeout(outcome).into_response()
}
