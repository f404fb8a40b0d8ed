//! A bound on the requests that wait for the log.

use tokio::sync::{Semaphore, SemaphorePermit};

/// So many requests may wait at once. A token is whatever its sender likes, so that waiting is nothing that clients can
/// make this instance do without bound.
pub(crate) const MAX_WAITERS: usize = 1024;

/// The places of those who wait.
pub(crate) struct WaitSlots(Semaphore);

impl Default for WaitSlots {
    fn default() -> Self {
        Self(Semaphore::new(MAX_WAITERS))
    }
}

impl WaitSlots {
    /// Returns a slot, or `None` if there are too many waiters. It is free again when the slot is dropped.
    pub(crate) fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.0.try_acquire().ok()
    }
}
