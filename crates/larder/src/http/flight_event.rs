//! The events of a flight that fills a response.

use std::sync::Arc;

use larder_core::outcome::{StaleReason, Tier};

use crate::engine::coalesce::flight::{self, FlightEvent, FlightGroup, Leader, Role};
use crate::http::body::shared_body::SharedBody;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

pub(crate) type Flights = FlightGroup<FillEvent>;
pub(crate) type Flight = flight::Flight<FillEvent>;
pub(crate) type Lead = Leader<FillEvent>;
pub(crate) type Joined = Role<FillEvent>;

/// The outcome of a flight, for its followers.
#[derive(Clone)]
pub(crate) enum FlightOutcome {
    /// A response that was stored.
    Stored(Arc<CachedResponse>),
    /// A response that was found in this tier, so that the handler did not run.
    AlreadyStored(Arc<CachedResponse>, Tier),
    /// The response of a handler that failed.
    ///
    /// It is not stored, but followers get it. Their requests came at the same time, and one more
    /// run of the handler for each of them would only make its trouble worse.
    HandlerFailed(Arc<CachedResponse>),
    /// The response of a handler that failed on another instance.
    ///
    /// The handler may have failed before a follower joined: the lease ends a moment after the
    /// fill, and the leader was still waiting for it.
    HandlerFailedElsewhere(Arc<CachedResponse>),
    /// A stale response, because the handler failed (RFC 5861 §4) or is slow.
    ServedStale(StaleResponse, StaleReason),
    /// The handler's response is not for others. Each follower runs the handler itself, at once.
    NotShared,
    /// The handler failed, and its response is not for others.
    ///
    /// Each follower runs the handler itself, but few do so at once.
    FailureNotShared,
    /// A layer further in handles the request.
    Nested,
}

/// An event of a flight, for its followers.
#[derive(Clone)]
pub(crate) enum FillEvent {
    /// The head of a response that is to be stored. Followers may read its body as it arrives.
    HeadReady(Arc<SharedBody>),
    /// The head of a response that may be stored. Followers get its body when it is complete.
    HeadOnly(Arc<CachedResponse>),
    /// The end of the flight.
    Finished(FlightOutcome),
}

impl FlightEvent for FillEvent {
    fn is_final(&self) -> bool {
        matches!(self, Self::Finished(_))
    }

    fn is_aborted(&self) -> bool {
        matches!(self, Self::HeadReady(body) if body.is_aborted())
    }
}

impl From<FlightOutcome> for FillEvent {
    fn from(outcome: FlightOutcome) -> Self {
        Self::Finished(outcome)
    }
}

/// Returns the head of the flight's response, while its body is arriving.
pub(crate) fn published_head(flight: &Flight) -> Option<Arc<CachedResponse>> {
    match flight.latest()? {
        FillEvent::HeadReady(body) => Some(Arc::clone(&body.head)),
        FillEvent::HeadOnly(head) => Some(head),
        FillEvent::Finished(_) => None,
    }
}
