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
    route: &LayerState,
    ask: &mut RequestContext,
    known: Lookup,
) -> Response<CacheBody<B>> {
    let known = match known {
        // A stored response may be from before a layer further in handled this route.
        known if ask.is_provisional => known,
        Lookup::Miss(reason) => lookup_shared(route, ask.lookup_key(), reason).await,
        Lookup::Partial(_) => lookup_shared(route, ask.lookup_key(), MissReason::Partial).await,
        // Another instance may have made it anew.
        Lookup::Stale(StaleResponse { reason, while_revalidate: false, .. }) => {
            lookup_shared(route, ask.lookup_key(), reason).await
        }
        known => known,
    };
    let known = match known {
        Lookup::Miss(reason) if ask.follow_redirect(route) => {
            match lookup_memory_for(route, ask.lookup_key(), route.engine.clock.boot()) {
                Lookup::Miss(_) => lookup_shared(route, ask.lookup_key(), reason).await,
                known => known,
            }
        }
        known => known,
    };
    match known {
        Lookup::Fresh(held, tier) => serve::from_cache(route, ask, &held, Outcome::Hit(tier)),
        // Not refreshed: a handler would be asked with this very directive.
        Lookup::Stale(StaleResponse { held, tier, while_revalidate: true, .. }) => {
            serve::from_cache(route, ask, &held, Outcome::Stale(tier, StaleReason::WhileRevalidate))
        }
        Lookup::Stale(StaleResponse { reason, .. }) | Lookup::Miss(reason) => {
            nothing_stored(route, ask, Outcome::Miss(reason))
        }
        Lookup::Partial(_) => nothing_stored(route, ask, Outcome::Miss(MissReason::Partial)),
        Lookup::HitForMiss => {
            let bypass = credentials_reason(ask.credentials).map(Outcome::Bypass);
            nothing_stored(route, ask, bypass.unwrap_or(Outcome::Miss(MissReason::Pass)))
        }
    }
}

pub(super) fn nothing_stored<B: Body>(route: &LayerState, ask: &RequestContext, outcome: Outcome) -> Response<CacheBody<B>> {
    record(&route, ask, outcome);
    serve::gateway_timeout(outcome).into_response()
}
