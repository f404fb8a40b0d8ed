//! Fill: running the handler to make a stored response, once for all who wait for it.

mod admission;
mod await_head;
mod build;
pub(crate) mod claim_fill;
mod commit;
mod conditional;
mod fill_result;
mod followers;
mod freshen;
mod partial;
mod publish;
pub(crate) mod refresh;
pub(crate) mod run;
mod stale_on_error;
mod stated_length;
mod store_response;

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use larder_core::log::position::Position;
use larder_core::outcome::{MissReason, Outcome};
use larder_core::time::{Boot, Wall};
use tokio::sync::oneshot;

use crate::engine::coalesce::clients::Clients;
use crate::engine::lease::Lease;
use crate::http::body::CacheBody;
use crate::http::flight_event::Lead;
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// A run of the handler, and what it is for.
pub(crate) struct Fill {
    layer: Arc<LayerState>,
    context: RequestContext,
    /// The flight that waits for it; `None` if nobody does.
    leader: Option<Lead>,
    /// What keeps other instances waiting for it, too.
    lease: Option<Lease>,
    /// What may be validated, or served if the handler fails.
    stale: Option<StaleResponse>,
    /// A part of what is stored elsewhere, for a request for others.
    base: Option<Arc<CachedResponse>>,
    /// What the request that started it will be told.
    outcome: Outcome,
    clients: Clients,
    /// Whether the head of the response came after the policy's limit.
    is_late: bool,
}

/// When a fill began, and what was known of the log then (rule 2).
#[derive(Clone, Copy)]
pub(crate) struct FillStart {
    pub(crate) boot: Boot,
    pub(crate) wall: Wall,
    pub(crate) position: Position,
}

/// The times of a run of the handler whose response head has come.
#[derive(Clone, Copy)]
pub(crate) struct FillTimes {
    start: FillStart,
    /// The moment at which the response head came.
    arrived: Wall,
    /// The time from the call of the handler to the response head.
    cost: Duration,
}

/// Where the answer to the client goes. A client that left does not take it.
pub(crate) type ResponseSender<B, E> = oneshot::Sender<Result<Response<CacheBody<B>>, E>>;

/// Everything that a run of the handler needs to know besides the request.
pub(crate) struct FillPlan {
    leader: Option<Lead>,
    lease: Option<Lease>,
    stale: Option<StaleResponse>,
    base: Option<Arc<CachedResponse>>,
    outcome: Outcome,
    clients: Clients,
}

impl FillPlan {
    /// Returns the plan of a run that no other request waits for.
    pub(crate) fn alone(stale: Option<StaleResponse>, outcome: Outcome) -> Self {
        Self { leader: None, lease: None, stale, base: None, outcome, clients: Clients::for_one() }
    }

    /// Returns the plan of a run for ranges. Together with the base, its response may be more.
    pub(crate) fn range(base: Option<Arc<CachedResponse>>, reason: MissReason) -> Self {
        Self { base, ..Self::alone(None, Outcome::Miss(reason)) }
    }

    /// Returns the plan of a run for all requests of a flight.
    pub(crate) fn led(
        leader: Lead,
        lease: Option<Lease>,
        stale: Option<StaleResponse>,
        reason: MissReason,
    ) -> Self {
        let clients = Clients::for_flight(leader.flight());
        Self { leader: Some(leader), lease, clients, ..Self::alone(stale, Outcome::Miss(reason)) }
    }

    /// Returns the plan of a run in the background.
    pub(crate) fn refresh(leader: Lead, stale: StaleResponse) -> Self {
        let outcome = Outcome::Miss(stale.reason);
        Self { leader: Some(leader), clients: Clients::for_refresh(), ..Self::alone(Some(stale), outcome) }
    }

    /// Returns a fill for this request.
    pub(crate) fn into_fill(self, layer: Arc<LayerState>, context: RequestContext) -> Fill {
        let Self { leader, lease, stale, base, outcome, clients } = self;
        Fill { layer, context, leader, lease, stale, base, outcome, clients, is_late: false }
    }
}
