//! How long a run of the handler may go on without a client.

use std::sync::{Arc, OnceLock};

use super::audience::{Audience, Seat};
use super::flight::Flight;
use crate::background::{AbandonedPermit, Background};

/// The clients of one run, and the rule for the time when all of them have left.
pub(crate) struct Clients {
    audience: Arc<Audience>,
    rule: WithoutClients,
    /// Held from the moment when the run goes on without a client.
    permit: OnceLock<AbandonedPermit>,
}

/// The fate of a run when its last client leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WithoutClients {
    /// It goes on if few others do so: what it stores is of use to later clients.
    GoOnWithPermit,
    /// It goes on: it never had a client, and its number is bounded elsewhere.
    GoOn,
}

impl Clients {
    /// A run that only serves its own client. Its handler is cancelled with that; a body may be read to its end.
    pub(super) fn of_one() -> Self {
        Self::new(Audience::new(), WithoutClients::GoOnWithPermit)
    }

    /// A run that fills for all who wait for this flight.
    pub(super) fn of_flight(flight: &Flight) -> Self {
        Self::new(Arc::clone(&flight.audience), WithoutClients::GoOnWithPermit)
    }

    /// A refresh in the background.
    pub(super) fn none() -> Self {
        Self::new(Audience::new(), WithoutClients::GoOn)
    }

    fn new(audience: Arc<Audience>, rule: WithoutClients) -> Self {
        Self { audience, rule, permit: OnceLock::new() }
    }

    pub(super) fn seat(&self) -> Seat {
        self.audience.seat()
    }

    /// Waits until every client has left and the run may not go on without one.
    pub(super) async fn abandoned(&self, background: &Background) {
        if self.rule != WithoutClients::GoOn {
            self.audience.empty().await;
        }
        if self.may_go_on(background) {
            std::future::pending::<()>().await;
        }
    }

    fn may_go_on(&self, background: &Background) -> bool {
        match self.rule {
            WithoutClients::GoOn => true,
            WithoutClients::GoOnWithPermit => match background.abandoned_fill() {
                _ if self.permit.get().is_some() => true,
                Some(permit) => self.permit.set(permit).is_ok(),
                None => false,
            },
        }
    }
}
