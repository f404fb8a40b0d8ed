//! Looking once more for a stored response, before the handler runs.

use std::sync::Arc;

use larder_core::outcome::MissReason;

use crate::engine::lease::claim::ClaimTarget;
use crate::http::flight_event::{Ended, Lead};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Known;
use crate::http::lookup::equivalent::{lookup_memory_for, lookup_shared, lookup_shared_observed};
use crate::http::lookup::from_store::observe_shared;
use crate::http::lookup::request_context::Ask;
use crate::http::memory::stale_response::Stale;

/// What the second look found.
pub(super) enum Again {
    /// There is nothing to serve: run the handler, unless another instance does.
    Lead(Option<Stale>, MissReason, Option<ClaimTarget>),
    /// There is.
    Known(Known),
}

/// Looks once more, now that no other request fills the key: into memory, as another flight may have ended between the first
/// look and this one's beginning, and into the shared tier.
pub(super) async fn look_again(route: &LayerState, ask: &Ask, stale: Result<Stale, MissReason>) -> Again {
    let now = route.engine.clock.boot();
    let stale = match lookup_memory_for(route, ask.sought(), now) {
        Known::Stale(found) if !found.while_revalidate => Ok(found),
        Known::Missing(reason) => Err(stale.err().unwrap_or(reason)),
        Known::Part(_) => Err(MissReason::Partial),
        known => return Again::Known(known),
    };
    let missing = stale.as_ref().map_or_else(|reason| *reason, |stale| stale.reason);
    if missing == MissReason::StoreError {
        // It was asked a moment ago and failed: once more could cost one more delay.
        return Again::Lead(None, missing, None);
    }
    if ask.provisional {
        // A stored response may be from before a layer further in handled this route.
        return Again::Lead(stale.ok(), missing, observe_shared(route, ask.sought()).await);
    }
    let (known, seen) = lookup_shared_observed(route, ask.sought(), missing).await;
    match known {
        Known::Fresh(..) => Again::Known(known),
        Known::Stale(found) if found.while_revalidate => Again::Known(Known::Stale(found)),
        Known::Stale(found) => {
            let reason = found.reason;
            Again::Lead(Some(found), reason, seen)
        }
        Known::Part(_) => Again::Lead(stale.ok(), MissReason::Partial, seen),
        Known::Missing(reason) => Again::Lead(stale.ok(), reason, seen),
        Known::Pass => Again::Lead(None, missing, seen),
    }
}

/// Looks into the shared tier for a request for parts of what is not in memory. If nothing is there, it goes to the handler
/// as it is, and nobody waits: the handler may answer with just the part, which is nothing for others, and of a large
/// representation that could never be stored as a whole.
pub(super) async fn look_for_parts(route: &LayerState, ask: &Ask, missing: MissReason) -> Known {
    if missing == MissReason::StoreError {
        // It was asked a moment ago and failed: once more could cost one more delay.
        return Known::Missing(missing);
    }
    lookup_shared(route, ask.sought(), missing).await
}

/// Something was found in place of a fill: those who wait have it, too, if it is fresh.
pub(super) fn found(lead: Lead, known: Known) -> Known {
    if let Known::Fresh(held, tier) = &known {
        lead.finish(Ended::Found(Arc::clone(held), *tier));
    }
    known
}
