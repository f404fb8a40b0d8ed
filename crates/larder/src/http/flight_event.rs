//! The events of a flight that fills a response.

use std::sync::Arc;

use larder_core::outcome::Tier;

use crate::engine::coalesce::flight::{self, FlightEvent, FlightGroup, Leader, Role};
use crate::http::body::shared_body::Arriving;
use crate::http::memory::cached_response::Held;
use crate::http::memory::stale_response::Stale;

pub(crate) type Flights = FlightGroup<Heard>;
pub(crate) type Flight = flight::Flight<Heard>;
pub(crate) type Lead = Leader<Heard>;
pub(crate) type Joined = Role<Heard>;

/// What a flight ended with, for those who waited.
#[derive(Clone)]
pub(crate) enum Ended {
    /// A response that was stored.
    Stored(Arc<Held>),
    /// A response that was found in this tier, so that the handler did not run.
    Found(Arc<Held>, Tier),
    /// A response of a handler that failed. It is not stored, but whoever waited for it has asked at the same time, and
    /// asking the handler again for each of them would only make its trouble worse.
    Failed(Arc<Held>),
    /// The same, of another instance's handler. It may have failed before a follower joined: the lease ends a moment
    /// after the fill, and the leader was still waiting for it.
    FailedElsewhere(Arc<Held>),
    /// A stale response, because the handler failed (RFC 5861 §4).
    Stale(Stale),
    /// What the handler made is not for others: everybody for themselves, at once.
    Alone,
    /// A layer further in handles the request.
    Nested,
}

/// What those who wait for a flight hear of it.
#[derive(Clone)]
pub(crate) enum Heard {
    /// The head of a response that is to be stored, and whose body is on its way.
    Arriving(Arc<Arriving>),
    /// The end.
    Ended(Ended),
}

impl FlightEvent for Heard {
    fn is_final(&self) -> bool {
        matches!(self, Self::Ended(_))
    }

    fn is_aborted(&self) -> bool {
        matches!(self, Self::Arriving(arriving) if arriving.is_broken())
    }
}

impl From<Ended> for Heard {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

/// Returns the body that is arriving, if that is how far the flight is.
pub(crate) fn arriving(flight: &Flight) -> Option<Arc<Arriving>> {
    match flight.latest()? {
        Heard::Arriving(arriving) => Some(arriving),
        Heard::Ended(_) => None,
    }
}
