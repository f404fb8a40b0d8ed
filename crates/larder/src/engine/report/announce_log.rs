//! Announcements of this instance that fail, of which one is logged.

use std::sync::atomic::{AtomicBool, Ordering};

use larder_core::store::{StoreError, StoreErrorKind};

/// Whether a refused announcement was logged.
#[derive(Debug, Default)]
pub(super) struct AnnounceLog {
    is_logged: AtomicBool,
}

impl AnnounceLog {
    /// Logs the first announcement that the store refuses.
    ///
    /// Requests need no announcements, so this is no trouble with the store. If the store cannot be
    /// reached, the polls of the log fail as well, and those are logged.
    pub(super) fn failed(&self, error: &StoreError) {
        let is_refused = matches!(error.kind(), StoreErrorKind::Refused | StoreErrorKind::Unreadable);
        if is_refused && !self.is_logged.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "larder", %error, "instance not listed, the shared store refuses it");
        } else {
            tracing::debug!(target: "larder", %error, "instance not announced");
        }
    }
}
