//! Requests that the handler of a flight may have sent itself, over a socket.
//!
//! Such a request looks like any other. It becomes a follower of the flight that waits for it, and
//! both would wait for as long as the policy allows. So a follower that may be such a request gives
//! up waiting earlier. A handler that is only slow has followers, too: few of them may do so.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Maximum number of followers of one flight that run the handler meanwhile.
///
/// The first one may not be the handler's own request, but the run that it causes then sends
/// another one.
const MAX_EARLY_RUNS: u64 = 2;

/// The followers of a flight that may be requests of its handler.
#[derive(Default)]
pub(crate) struct OwnRequests {
    /// Whether the handler was called.
    is_called: AtomicBool,
    /// The number of followers that have arrived so far.
    arrivals: AtomicU64,
    early_runs: AtomicU64,
    /// Whether the handler has answered one of the early runs.
    is_answered: AtomicBool,
    stored: Notify,
}

/// The number of a follower that may be a request of the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival(u64);

impl OwnRequests {
    /// Notes that the handler is called. Earlier followers are no requests of this run.
    pub(crate) fn note_called(&self) {
        self.is_called.store(true, Ordering::Release);
    }

    /// Counts a follower. Returns its number if it may be a request of the handler.
    pub(crate) fn arrive(&self) -> Option<Arrival> {
        let number = 1 + self.arrivals.fetch_add(1, Ordering::AcqRel);
        self.is_called.load(Ordering::Acquire).then_some(Arrival(number))
    }

    /// Whether this follower, which has waited for a while, runs the handler.
    ///
    /// A handler that waits for its own request sends no further ones. So this applies only to the
    /// follower that came last. Those of a popular key wait for each other.
    pub(crate) fn may_run_early(&self, arrival: Arrival) -> bool {
        let is_last = self.arrivals.load(Ordering::Acquire) == arrival.0;
        let one_more = |runs: u64| (runs < MAX_EARLY_RUNS).then_some(runs + 1);
        is_last && self.early_runs.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok()
    }

    /// Notes that the handler has answered an early run.
    pub(crate) fn note_answered(&self) {
        self.is_answered.store(true, Ordering::Release);
    }

    /// Whether the time that the handler of the flight took says how slow it is.
    ///
    /// If an early run was answered before, the handler may have waited for that.
    pub(crate) fn is_time_representative(&self) -> bool {
        !self.is_answered.load(Ordering::Acquire)
    }

    /// Notes that an early run has stored its response.
    pub(crate) fn note_stored(&self) {
        self.stored.notify_waiters();
    }

    /// Waits until an early run has stored its response.
    pub(crate) fn stored(&self) -> Notified<'_> {
        self.stored.notified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_follower_after_the_call_may_be_the_handlers_own_request() {
        let requests = OwnRequests::default();
        assert_eq!(requests.arrive(), None, "the handler does not run yet");
        requests.note_called();
        let (first, last) = (requests.arrive().unwrap(), requests.arrive().unwrap());
        assert!(!requests.may_run_early(first));
        assert!(requests.may_run_early(last));
        let next = requests.arrive().unwrap();
        assert!(!requests.may_run_early(last));
        assert!(requests.may_run_early(next));
        assert!(!requests.may_run_early(requests.arrive().unwrap()), "that would be too many");
    }

    #[test]
    fn a_handler_that_may_have_waited_for_an_early_run_shows_no_time_of_its_own() {
        let requests = OwnRequests::default();
        assert!(requests.is_time_representative());
        requests.note_answered();
        assert!(!requests.is_time_representative());
    }
}
