//! A clock that tests control, but that never stands completely still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::time::{BootTime, Clock, WallTime};
use larder_testing::ManualClock;

/// A [`ManualClock`] that is a microsecond later at each reading. The log's rules depend on the
/// order of moments, and on a real clock two moments are never equal.
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
    fn wall(&self) -> WallTime {
        self.manual.wall()
    }

    fn boot(&self) -> BootTime {
        let readings = self.readings.fetch_add(1, Ordering::SeqCst);
        self.manual.boot().saturating_add(Duration::from_micros(readings))
    }

    fn is_manual(&self) -> bool {
        true
    }
}
