//! How long a run of the handler may go on without a client.

use std::sync::{Arc, OnceLock};

use crate::engine::background::{Background, Permit};
use crate::engine::coalesce::client_count::{ClientCount, ClientGuard};
use crate::engine::coalesce::flight::Flight;

/// The clients of one run, and the rule for the time when all of them have left.
pub(crate) struct Clients {
    count: Arc<ClientCount>,
    unattended: Unattended,
    /// Held from the moment when the run goes on without a client.
    permit: OnceLock<Permit>,
}

/// When a run goes on although its last client has left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unattended {
    /// If few other fills do so: what it stores is of use to later clients.
    FillPermit,
    /// If few other writes do so: it may have committed already.
    WritePermit,
    /// It never had a client, and the number of its kind is bounded elsewhere.
    Always,
}

impl Clients {
    /// A run that only serves its own client. Its handler is cancelled with that; a body may be read to its end.
    pub(crate) fn for_one() -> Self {
        Self::new(ClientCount::new(), Unattended::FillPermit)
    }

    /// A run that fills for all who wait for this flight.
    pub(crate) fn for_flight<E>(flight: &Flight<E>) -> Self {
        Self::new(Arc::clone(&flight.clients), Unattended::FillPermit)
    }

    /// A request with an unsafe method.
    pub(crate) fn for_write() -> Self {
        Self::new(ClientCount::new(), Unattended::WritePermit)
    }

    /// A refresh in the background.
    pub(crate) fn for_refresh() -> Self {
        Self::new(ClientCount::new(), Unattended::Always)
    }

    fn new(count: Arc<ClientCount>, unattended: Unattended) -> Self {
        Self { count, unattended, permit: OnceLock::new() }
    }

    pub(crate) fn guard(&self) -> ClientGuard {
        self.count.guard()
    }

    /// Waits until every client has left and the run may not go on without one.
    pub(crate) async fn wait_abandoned(&self, background: &Background) {
        if self.unattended != Unattended::Always {
            self.count.wait_until_none().await;
        }
        if self.may_run_unattended(background) {
            std::future::pending::<()>().await;
        }
    }

    fn may_run_unattended(&self, background: &Background) -> bool {
        if self.permit.get().is_some() {
            return true;
        }
        let permit = match self.unattended {
            Unattended::Always => return true,
            Unattended::FillPermit => background.try_abandoned_fill(),
            Unattended::WritePermit => background.try_abandoned_write(),
        };
        permit.is_some_and(|permit| self.permit.set(permit).is_ok())
    }
}
