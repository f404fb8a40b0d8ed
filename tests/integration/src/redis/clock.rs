//! Time that tests turn, but that never quite stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::time::{Boot, Clock, Wall};
use larder_testing::ManualClock;

/// A [`ManualClock`] that is a microsecond later at each reading: the log's rules tell "before"
/// from "after" by it, and on a real clock two moments are never the same.
#[derive(Debug, Clone, Default)]
pub struct TickingClock {
    manual: ManualClock,
    readings: Arc<AtomicU64>,
}

impl TickingClock {
    /// Moves time forward.
    pub fn advance(&self, by: Duration) {
        self.manual.advance(by);
    }
}

impl Clock for TickingClock {
    fn wall(&self) -> Wall {
        self.manual.wall()
    }

    fn boot(&self) -> Boot {
        let readings = self.readings.fetch_add(1, Ordering::SeqCst);
        self.manual.boot().saturating_add(Duration::from_micros(readings))
    }
}
