//! A bound on the requests that wait for the log.

use tokio::sync::{Semaphore, SemaphorePermit};

/// So many requests may wait at once. A token is whatever its sender likes, so that waiting is nothing that clients can
/// make this instance do without bound.
pub(crate) const MOST: usize = 1024;

/// The places of those who wait.
pub(crate) struct CatchingUp(Semaphore);

impl Default for CatchingUp {
    fn default() -> Self {
        Self(Semaphore::new(MOST))
    }
}

impl CatchingUp {
    /// Returns a slot, or `None` if there are too many waiters. It is free again when the slot is dropped.
    pub(crate) fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.0.try_acquire().ok()
    }
}
