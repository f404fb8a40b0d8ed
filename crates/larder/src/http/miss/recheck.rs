//! Looking once more for a stored response, before the handler runs.

use std::sync::Arc;

use larder_core::outcome::MissReason;

use crate::engine::lease::claim::ClaimTarget;
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::equivalent::{lookup_memory_for, lookup_shared, lookup_shared_observed};
use crate::http::lookup::from_store::observe_shared;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::stale_response::StaleResponse;

/// What the second look found.
pub(super) enum Again {
    /// There is nothing to serve: run the handler, unless another instance does.
    Lead(Option<StaleResponse>, MissReason, Option<ClaimTarget>),
    /// There is.
    Known(Lookup),
}

/// Looks once more, now that no other request fills the key: into memory, as another flight may have ended between the first
/// look and this one's beginning, and into the shared tier.
pub(super) async fn look_again(
    layer: &LayerState,
    context: &RequestContext,
    stale: Result<StaleResponse, MissReason>,
) -> Again {
    let now = layer.engine.clock.boot();
    let stale = match lookup_memory_for(layer, context.lookup_key(), now) {
        Lookup::Stale(found) if !found.while_revalidate => Ok(found),
        Lookup::Miss(reason) => Err(stale.err().unwrap_or(reason)),
        Lookup::Partial(_) => Err(MissReason::Partial),
        lookup => return Again::Known(lookup),
    };
    let missing = stale.as_ref().map_or_else(|reason| *reason, |stale| stale.reason);
    if missing == MissReason::StoreError {
        // It was asked a moment ago and failed: once more could cost one more delay.
        return Again::Lead(None, missing, None);
    }
    if context.is_provisional {
        // A stored response may be from before a layer further in handled this route.
        return Again::Lead(stale.ok(), missing, observe_shared(layer, context.lookup_key()).await);
    }
    let (lookup, seen) = lookup_shared_observed(layer, context.lookup_key(), missing).await;
    match lookup {
        Lookup::Fresh(..) => Again::Known(lookup),
        Lookup::Stale(found) if found.while_revalidate => Again::Known(Lookup::Stale(found)),
        Lookup::Stale(found) => {
            let reason = found.reason;
            Again::Lead(Some(found), reason, seen)
        }
        Lookup::Partial(_) => Again::Lead(stale.ok(), MissReason::Partial, seen),
        Lookup::Miss(reason) => Again::Lead(stale.ok(), reason, seen),
        Lookup::HitForMiss => Again::Lead(None, missing, seen),
    }
}

/// Looks into the shared tier for a request for parts of what is not in memory. If nothing is there, it goes to the handler
/// as it is, and nobody waits: the handler may answer with just the part, which is nothing for others, and of a large
/// representation that could never be stored as a whole.
pub(super) async fn look_for_parts(
    layer: &LayerState,
    context: &RequestContext,
    missing: MissReason,
) -> Lookup {
    if missing == MissReason::StoreError {
        // It was asked a moment ago and failed: once more could cost one more delay.
        return Lookup::Miss(missing);
    }
    lookup_shared(layer, context.lookup_key(), missing).await
}

/// Something was found in place of a fill: those who wait have it, too, if it is fresh.
pub(super) fn found(leader: Lead, lookup: Lookup) -> Lookup {
    if let Lookup::Fresh(cached, tier) = &lookup {
        leader.finish(FlightOutcome::AlreadyStored(Arc::clone(cached), *tier));
    }
    lookup
}
