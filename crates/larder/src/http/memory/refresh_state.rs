//! Whether a stored response is being refreshed.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a stored response is being refreshed.
#[derive(Debug, Default)]
pub(super) struct RefreshState(AtomicBool);

impl RefreshState {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, is_refreshed: bool) {
        self.0.store(is_refreshed, Ordering::Relaxed);
    }
}
