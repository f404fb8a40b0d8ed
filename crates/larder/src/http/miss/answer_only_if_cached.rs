//! The answer to a request that wants nothing but what is stored.

use http::Response;
use http_body::Body;
use larder_core::outcome::{MissReason, Outcome, StaleReason};

use crate::http::body::CacheBody;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Known;
use crate::http::lookup::eligibility::credentials_reason;
use crate::http::lookup::equivalent::{lookup_memory_for, lookup_shared};
use crate::http::lookup::request_context::Ask;
use crate::http::memory::stale_response::Stale;
use crate::http::serve;
use crate::http::serve::record::record;

/// Answers a request that wants nothing but what is stored.
///
/// RFC 9111 §5.2.1.7: "Caches that honor this request directive SHOULD, upon receiving it, respond with either a stored
/// response consistent with the other constraints of the request or a 504 (Gateway Timeout) status code."
pub(super) async fn only_stored<B: Body>(
    route: &LayerState,
    ask: &mut Ask,
    known: Known,
) -> Response<CacheBody<B>> {
    let known = match known {
        // A stored response may be from before a layer further in handled this route.
        known if ask.provisional => known,
        Known::Missing(reason) => lookup_shared(route, ask.sought(), reason).await,
        Known::Part(_) => lookup_shared(route, ask.sought(), MissReason::Partial).await,
        // Another instance may have made it anew.
        Known::Stale(Stale { reason, while_revalidate: false, .. }) => {
            lookup_shared(route, ask.sought(), reason).await
        }
        known => known,
    };
    let known = match known {
        Known::Missing(reason) if ask.moves_on(route) => {
            match lookup_memory_for(route, ask.sought(), route.engine.clock.boot()) {
                Known::Missing(_) => lookup_shared(route, ask.sought(), reason).await,
                known => known,
            }
        }
        known => known,
    };
    match known {
        Known::Fresh(held, tier) => serve::asked(route, ask, &held, Outcome::Hit(tier)),
        // Not refreshed: a handler would be asked with this very directive.
        Known::Stale(Stale { held, tier, while_revalidate: true, .. }) => {
            serve::asked(route, ask, &held, Outcome::Stale(tier, StaleReason::WhileRevalidate))
        }
        Known::Stale(Stale { reason, .. }) | Known::Missing(reason) => {
            nothing_stored(route, ask, Outcome::Miss(reason))
        }
        Known::Part(_) => nothing_stored(route, ask, Outcome::Miss(MissReason::Partial)),
        Known::Pass => {
            let bypass = credentials_reason(ask.credentials).map(Outcome::Bypass);
            nothing_stored(route, ask, bypass.unwrap_or(Outcome::Miss(MissReason::Pass)))
        }
    }
}

pub(super) fn nothing_stored<B: Body>(route: &LayerState, ask: &Ask, outcome: Outcome) -> Response<CacheBody<B>> {
    record(&route, ask, outcome);
    serve::nothing_stored(outcome).into_response()
}
