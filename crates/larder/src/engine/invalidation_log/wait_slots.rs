//! The limit on requests that wait for the log.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Maximum number of requests that wait at the same time.
///
/// A client can send any token it likes. So there must be a bound on the waiting that clients can
/// cause on this instance.
pub(crate) const MAX_WAITERS: usize = 1024;

/// The slots for waiting requests.
pub(crate) struct WaitSlots(Semaphore);

impl Default for WaitSlots {
    fn default() -> Self {
        Self(Semaphore::new(MAX_WAITERS))
    }
}

impl WaitSlots {
    /// Returns a slot. It becomes free when it is dropped.
    ///
    /// Returns `None` if too many requests wait already.
    pub(crate) fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.0.try_acquire().ok()
    }
}
