//! How long a run of the handler may go on without a client.

use std::sync::{Arc, OnceLock};

use crate::engine::background::{Background, Permit};
use crate::engine::coalesce::audience::{Audience, Seat};
use crate::engine::coalesce::flight::Flight;

/// The clients of one run, and the rule for the time when all of them have left.
pub(crate) struct Clients {
    audience: Arc<Audience>,
    goes_on: GoesOn,
    /// Held from the moment when the run goes on without a client.
    permit: OnceLock<Permit>,
}

/// When a run goes on although its last client has left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GoesOn {
    /// If few other fills do so: what it stores is of use to later clients.
    IfFewFills,
    /// If few other writes do so: it may have committed already.
    IfFewWrites,
    /// It never had a client, and the number of its kind is bounded elsewhere.
    Always,
}

impl Clients {
    /// A run that only serves its own client. Its handler is cancelled with that; a body may be read to its end.
    pub(crate) fn of_one() -> Self {
        Self::new(Audience::new(), GoesOn::IfFewFills)
    }

    /// A run that fills for all who wait for this flight.
    pub(crate) fn of_flight<E>(flight: &Flight<E>) -> Self {
        Self::new(Arc::clone(&flight.audience), GoesOn::IfFewFills)
    }

    /// A request with an unsafe method.
    pub(crate) fn of_write() -> Self {
        Self::new(Audience::new(), GoesOn::IfFewWrites)
    }

    /// A refresh in the background.
    pub(crate) fn none() -> Self {
        Self::new(Audience::new(), GoesOn::Always)
    }

    fn new(audience: Arc<Audience>, goes_on: GoesOn) -> Self {
        Self { audience, goes_on, permit: OnceLock::new() }
    }

    pub(crate) fn seat(&self) -> Seat {
        self.audience.seat()
    }

    /// Waits until every client has left and the run may not go on without one.
    pub(crate) async fn abandoned(&self, background: &Background) {
        if self.goes_on != GoesOn::Always {
            self.audience.empty().await;
        }
        if self.may_go_on(background) {
            std::future::pending::<()>().await;
        }
    }

    fn may_go_on(&self, background: &Background) -> bool {
        if self.permit.get().is_some() {
            return true;
        }
        let permit = match self.goes_on {
            GoesOn::Always => return true,
            GoesOn::IfFewFills => background.abandoned_fill(),
            GoesOn::IfFewWrites => background.abandoned_write(),
        };
        permit.is_some_and(|permit| self.permit.set(permit).is_ok())
    }
}
