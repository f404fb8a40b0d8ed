//! The fills whose handlers wait for the work of a task.

use std::future::Future;
use std::iter::successors;
use std::sync::Arc;

use larder_core::lease::LeaseId;

use crate::engine::coalesce::client_count::ClientCount;

tokio::task_local! {
    static RUNNING: RunningFills;
}

/// The fills whose handlers wait for the work of this task, the innermost one first.
///
/// A handler may send a request to its own application, through the router. That request must not
/// wait for these fills, because they wait for it.
#[derive(Clone, Default)]
pub(crate) struct RunningFills(Option<Arc<RunningFill>>);

struct RunningFill {
    /// The clients of the fill's flight, which identify it.
    flight: Arc<ClientCount>,
    lease: Option<LeaseId>,
    outer: RunningFills,
}

impl RunningFills {
    /// Returns the fills that wait for the work of the current task.
    pub(crate) fn current() -> Self {
        RUNNING.try_with(Clone::clone).unwrap_or_default()
    }

    /// Returns these fills and one within them.
    pub(crate) fn with(self, flight: &Arc<ClientCount>, lease: Option<LeaseId>) -> Self {
        Self(Some(Arc::new(RunningFill { flight: Arc::clone(flight), lease, outer: self })))
    }

    /// Runs work that these fills wait for.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        RUNNING.scope(self, work)
    }

    /// Whether the flight with these clients is among them.
    pub(crate) fn has_flight(&self, clients: &Arc<ClientCount>) -> bool {
        self.fills().any(|fill| Arc::ptr_eq(&fill.flight, clients))
    }

    /// Whether one of them holds this lease.
    pub(crate) fn has_lease(&self, lease: LeaseId) -> bool {
        self.fills().any(|fill| fill.lease == Some(lease))
    }

    fn fills(&self) -> impl Iterator<Item = &RunningFill> {
        successors(self.0.as_deref(), |fill| fill.outer.0.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(id: u8) -> LeaseId {
        LeaseId::from_bytes([id; 16])
    }

    #[tokio::test]
    async fn work_knows_the_fills_that_wait_for_it_in_its_own_task_alone() {
        let flights = [ClientCount::new(), ClientCount::new(), ClientCount::new()];
        let outer = RunningFills::current().with(&flights[0], Some(lease(1)));
        assert!(!RunningFills::current().has_flight(&flights[0]));
        let known = || {
            let current = RunningFills::current();
            let flights = flights.each_ref().map(|flight| current.has_flight(flight));
            (flights, [1, 2].map(|id| current.has_lease(lease(id))))
        };
        let inner = || RunningFills::current().with(&flights[1], None);
        outer
            .scope(async {
                assert_eq!(known(), ([true, false, false], [true, false]));
                inner().scope(async { assert_eq!(known(), ([true, true, false], [true, false])) }).await;
                let spawned = tokio::spawn(async { RunningFills::current().0.is_none() });
                assert!(spawned.await.unwrap());
            })
            .await;
        assert_eq!(known(), ([false; 3], [false; 2]));
    }
}
