//! A clock that differs from that of the shared store.

use std::sync::atomic::{AtomicBool, Ordering};

use larder_core::time::{CLOCK_TOLERANCE, WallTime};

/// Whether the difference was logged already.
#[derive(Debug, Default)]
pub(super) struct ClockSkew {
    is_logged: AtomicBool,
}

impl ClockSkew {
    /// Compares the store's time with the times at which it was asked and answered.
    ///
    /// The ages of shared responses allow for the difference. But all dates that handlers make are
    /// wrong, such as those in `Expires`.
    pub(super) fn compare(&self, store: WallTime, asked: WallTime, answered: WallTime) {
        // A store without a time returns zero.
        if store == WallTime::default() {
            return;
        }
        let ahead = asked.saturating_since(store);
        let behind = store.saturating_since(answered);
        if ahead.max(behind) > CLOCK_TOLERANCE && !self.is_logged.swap(true, Ordering::Relaxed) {
            let (ahead, behind) = (ahead.as_millis(), behind.as_millis());
            tracing::warn!(
                target: "larder",
                ahead_ms = ahead,
                behind_ms = behind,
                "clock differs from that of the shared store, so the clock of one of these machines is wrong"
            );
        }
    }
}
