//! The steps of a miss.

use std::sync::Arc;

use larder_core::invalidation::position::Position;
use larder_core::outcome::{MissReason, Outcome, StaleReason, Tier};
use larder_core::time::{BootTime, WallTime};

use crate::engine::coalesce::client_count::ClientGuard;
use crate::http::body::shared_body::SharedBody;
use crate::http::fill::FillPlan;
use crate::http::flight_event::{Flight, FlightOutcome, Lead};
use crate::http::lookup::{Lookup, Seen};
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// The next step of a miss.
pub(super) enum Step {
    /// Decide what to do with what is known about the response.
    Evaluate(Lookup),
    /// Look a request for ranges up in the shared tier.
    LookUpRange(MissReason),
    /// Join the flight for the key, or begin one.
    Join(Fallback),
    /// Lead the flight: look once more, then claim the fill.
    Lead(Lead, Fallback),
    /// Wait for the flight of another request.
    Follow(Seat),
    /// Decide whether this request may use the outcome of a flight.
    Settle(Wait),
    /// Answer the request.
    Done(Ending),
}

/// Why a fill is needed, and what may be served if it fails.
pub(super) struct Fallback {
    pub(super) reason: MissReason,
    pub(super) stale: Option<StaleResponse>,
    /// The target of a claim without a lookup before, if there is no stale response.
    pub(super) seen: Seen,
}

impl Fallback {
    /// Returns the fallback of a fill that replaces this stale response.
    pub(super) const fn with(stale: StaleResponse) -> Self {
        Self { reason: stale.reason, stale: Some(stale), seen: None }
    }

    /// Returns the fallback of a fill without a stale response.
    pub(super) const fn without(reason: MissReason) -> Self {
        Self { reason, stale: None, seen: None }
    }
}

/// The part of a representation that the shared tier has, for a request for other parts.
pub(super) struct RangeBase(pub(super) Option<Arc<CachedResponse>>);

/// The moment at which a request joined a flight.
#[derive(Clone, Copy)]
pub(super) struct JoinedAt {
    pub(super) boot: BootTime,
    pub(super) wall: WallTime,
    /// The position of the log that was known then.
    pub(super) position: Position,
}

/// The place of a follower in a flight.
pub(super) struct Seat {
    pub(super) flight: Arc<Flight>,
    pub(super) joined_at: JoinedAt,
    pub(super) reason: MissReason,
    /// A stale response that the follower may get if the handler is slow.
    pub(super) stale: Option<StaleResponse>,
}

/// A wait for a flight that is over, or whose body can be followed.
pub(super) struct Wait {
    pub(super) seat: Seat,
    /// `None` if the leader left the flight without an outcome.
    pub(super) outcome: Option<FlightOutcome>,
    pub(super) body: CollapsedBody,
}

/// The body of a flight's response, for one follower.
pub(super) enum CollapsedBody {
    /// It is complete. This is also the value if there is no response.
    Complete,
    /// It is arriving, and the follower reads it.
    Followed(FollowedBody),
    /// It is arriving, but the answer to this request has no body. Its length may be known.
    Unread(Option<u64>),
}

/// A body that arrives while its followers read it.
pub(super) struct FollowedBody {
    pub(super) body: Arc<SharedBody>,
    /// Counts the follower among the clients of the fill.
    pub(super) guard: ClientGuard,
}

/// The way in which a miss is answered.
#[allow(clippy::large_enum_variant)] // It is moved once, and a box would be one more allocation.
pub(super) enum Ending {
    /// Serve a fresh response, and refresh it if it is near its end.
    Serve(Arc<CachedResponse>, Tier),
    /// Serve a stale response now, and refresh it.
    ServeStaleAndRefresh(StaleResponse),
    /// Serve a stale response, because the handler has failed before or is slow.
    ServeStale(StaleResponse, StaleReason),
    /// Serve the outcome of a flight.
    ServeCollapsed(Collapsed),
    /// Run the handler.
    Fill(FillPlan),
    /// Run the handler after it failed for other requests, or their runs were of no use.
    ///
    /// Few requests do so at once.
    Rerun(MissReason),
    /// Leave the request to a layer further in.
    ForwardNested,
}

/// The outcome of a flight that a follower may use.
pub(super) struct Collapsed {
    pub(super) response: Arc<CachedResponse>,
    pub(super) outcome: Outcome,
    /// Why the follower needed a fill.
    pub(super) reason: MissReason,
    pub(super) body: CollapsedBody,
}
