//! Fill: one run of the handler, whose response is stored if it may be.
//!
//! 1. The leader of a flight claims the lease, so that other instances wait for this fill, too. A
//!    fill that no other request waits for has no flight and no lease.
//! 2. The request gets the conditions that validate the stale response.
//! 3. The handler is called, and its answer is classified.
//! 4. After an error, a stale response may be served. A 304 or a response to `HEAD` updates the
//!    stored response.
//! 5. For any other response, the rules decide whether it may be stored. If it may not, the
//!    followers run the handler for themselves.
//! 6. The body is read while the client and followers stream it.
//! 7. The response is stored in memory, and the flight ends.
//! 8. The response is written to the shared tier. The last write releases the lease.
//!
//! | file | step |
//! | --- | --- |
//! | `claim_fill.rs` | 1: claim the lease, or wait for the instance that holds it |
//! | `refresh.rs` | 1: refresh a stored response in the background |
//! | `conditional.rs` | 2: conditions and ranges of the request that goes to the handler |
//! | `behind.rs` | 2, 3: the fields for another cache behind this one |
//! | `run.rs` | 3: call the handler, and choose what its answer means |
//! | `await_head.rs` | 3: wait for the response head, within the limits of a fill |
//! | `stale_on_error.rs` | 4: serve a stale response if the handler fails |
//! | `freshen.rs` | 4: update the stored response |
//! | `used_values.rs` | 4, 7: what the cached values allow that the handler has used |
//! | `admission.rs` | 5: may the response be stored, or a failure be shared? |
//! | `followers.rs` | 5: end a flight whose response is not for its followers |
//! | `store_response.rs` | 6: read the body and store the response |
//! | `publish.rs` | 6: hand the head and the body to followers |
//! | `stated_length.rs` | 6: compare the body with its stated length |
//! | `build.rs` | 7: build the stored response, with the limit for lagging replicas |
//! | `expected_head.rs` | 6: the head as it will be stored, for the fields that the client gets |
//! | `partial.rs` | 7: combine a part with a stored part |
//! | `commit.rs` | 7: store in memory, then notify followers |
//! | `store_writes.rs` | 8: write to the shared tier, then release the lease |

mod admission;
mod await_head;
mod behind;
mod build;
pub(crate) mod claim_fill;
mod commit;
mod conditional;
mod expected_head;
mod followers;
mod freshen;
mod partial;
mod publish;
pub(crate) mod refresh;
pub(crate) mod run;
mod stale_on_error;
mod stated_length;
mod store_response;
mod store_writes;
mod used_values;

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use larder_core::invalidation::position::Position;
use larder_core::outcome::{MissReason, NotStored, Outcome};
use larder_core::time::{BootTime, WallTime};
use tokio::sync::oneshot;

use crate::engine::coalesce::clients::Clients;
use crate::engine::fill_scope::FillScope;
use crate::engine::lease::Lease;
use crate::http::body::CacheBody;
use crate::http::flight_event::{Flight, Lead};
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// One run of the handler, with its request and its purpose.
pub(crate) struct Fill {
    layer: Arc<LayerState>,
    context: RequestContext,
    /// The lead of the flight that waits for this fill. `None` if no other request waits for it.
    leader: Option<Lead>,
    /// The lease that makes other instances wait for this fill, too.
    lease: Option<Lease>,
    /// A stored response that may be validated, or served if the handler fails.
    stale: Option<StaleResponse>,
    /// A part of the representation in the shared tier, for a request for other parts.
    base: Option<Arc<CachedResponse>>,
    /// The outcome that is reported for the request that started the fill.
    outcome: Outcome,
    clients: Clients,
    /// The scope of this fill. Its handler runs in it.
    scope: FillScope,
    /// The flight whose handler may have sent this request itself.
    early_for: Option<Arc<Flight>>,
    /// Whether the response head came after the limit of the policy.
    is_late: bool,
    /// Whether the response, or a value in it, has a position that cannot be compared with ours.
    is_of_other_log: bool,
}

/// The moment at which a fill began, and the position of the log at that moment (rule 2).
#[derive(Clone, Copy)]
pub(crate) struct FillStart {
    pub(crate) boot: BootTime,
    pub(crate) wall: WallTime,
    pub(crate) position: Position,
    /// See [`CachedResponse::filled_at`].
    pub(crate) filled_at: Option<BootTime>,
}

/// The times of a run of the handler whose response head has come.
#[derive(Clone, Copy)]
pub(crate) struct FillTimes {
    start: FillStart,
    /// The moment at which the response head came.
    arrived: WallTime,
    /// The time from the call of the handler to the response head.
    cost: Duration,
}

/// The channel for the answer to the request that started the fill.
///
/// It is closed once the client of that request has left.
pub(crate) type ResponseSender<B, E> = oneshot::Sender<Result<Response<CacheBody<B>>, E>>;

/// Everything that a run of the handler needs besides the request.
pub(crate) struct FillPlan {
    leader: Option<Lead>,
    lease: Option<Lease>,
    stale: Option<StaleResponse>,
    base: Option<Arc<CachedResponse>>,
    outcome: Outcome,
    clients: Clients,
    early_for: Option<Arc<Flight>>,
}

impl FillPlan {
    /// Returns the plan of a run that no other request waits for.
    pub(crate) fn alone(stale: Option<StaleResponse>, outcome: Outcome) -> Self {
        let clients = Clients::for_one();
        Self { leader: None, lease: None, stale, base: None, outcome, clients, early_for: None }
    }

    /// Returns the plan of a run for a request that the handler of this flight may have sent.
    pub(crate) fn early(flight: Arc<Flight>, stale: Option<StaleResponse>, reason: MissReason) -> Self {
        Self { early_for: Some(flight), ..Self::alone(stale, Outcome::Miss(reason)) }
    }

    /// Returns the plan of a run for a request for ranges.
    ///
    /// The response may be combined with `base`.
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

    /// Returns the outcome that is reported for the request.
    pub(crate) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the stale response that may be served if the handler fails.
    pub(crate) const fn stale(&self) -> Option<&StaleResponse> {
        self.stale.as_ref()
    }

    /// Returns a fill for this request.
    pub(crate) fn into_fill(self, layer: Arc<LayerState>, context: RequestContext) -> Fill {
        let Self { leader, lease, stale, base, outcome, clients, early_for } = self;
        let flight = leader.as_ref().map(|leader| &leader.flight().clients);
        let scope = FillScope::new(FillScope::current(), flight);
        if layer.engine.has_values() {
            scope.set_names(context.names.clone().build([]));
        }
        Fill {
            layer,
            context,
            leader,
            lease,
            stale,
            base,
            outcome,
            clients,
            scope,
            early_for,
            is_late: false,
            is_of_other_log: false,
        }
    }
}

impl Fill {
    /// Records whether the response was stored, or why not.
    fn record_store_decision(&self, stored: Result<(), NotStored>) {
        let path = || self.context.matched_path.as_deref();
        self.layer.with_route(path, |route| route.store_decision(stored));
        if let Some(probe) = &self.context.probe {
            probe.note_stored(stored.is_ok());
        }
    }
}
