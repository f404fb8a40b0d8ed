//! Whether a run of the handler may go on without a client.

use std::sync::{Arc, OnceLock};

use crate::engine::background::{Background, Permit};
use crate::engine::coalesce::client_count::{ClientCount, ClientGuard};
use crate::engine::coalesce::flight::Flight;

/// The clients of one handler run, and whether the run goes on after all of them have left.
pub(crate) struct Clients {
    count: Arc<ClientCount>,
    unattended: Unattended,
    /// Set once the run goes on without a client.
    permit: OnceLock<Permit>,
}

/// The condition under which a run goes on after its last client has left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unattended {
    /// Not too many other fills run without a client. The response is useful to later clients.
    FillPermit,
    /// Not too many other writes run without a client. This one may have committed already.
    WritePermit,
    /// None. The run never had a client, and the number of such runs is limited elsewhere.
    Always,
}

impl Clients {
    /// Creates the clients of a run that serves only its own client.
    ///
    /// If the client leaves before the response, the handler is cancelled. After that, the body may
    /// still be read to its end.
    pub(crate) fn for_one() -> Self {
        Self::new(ClientCount::new(), Unattended::FillPermit)
    }

    /// Creates the clients of a fill for this flight: its leader and its followers.
    pub(crate) fn for_flight<E>(flight: &Flight<E>) -> Self {
        Self::new(Arc::clone(&flight.clients), Unattended::FillPermit)
    }

    /// Creates the clients of a request with an unsafe method.
    pub(crate) fn for_write() -> Self {
        Self::new(ClientCount::new(), Unattended::WritePermit)
    }

    /// Creates the clients of a refresh in the background, which has none.
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
