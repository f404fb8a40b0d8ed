//! The wait of a claim for another instance.

use std::sync::Arc;

use larder_core::time::BootTime;

use crate::engine::report::lease_event::LeaseEvent;
use crate::engine::shared::Engine;

/// The wait of a claim for another instance. Its time is recorded when the claim ends.
pub(super) struct LeaseWait {
    engine: Arc<Engine>,
    began: Option<BootTime>,
}

impl LeaseWait {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Self { engine: Arc::clone(engine), began: None }
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Begins the wait, unless it has begun.
    pub(super) fn begin(&mut self) {
        if self.began.is_none() {
            self.began = Some(self.engine.clock.boot());
            self.engine.report.lease_event(LeaseEvent::Awaited);
        }
    }
}

impl Drop for LeaseWait {
    fn drop(&mut self) {
        if let Some(began) = self.began {
            let time = self.engine.clock.boot().saturating_since(began);
            self.engine.report.store_times.lease_wait(time);
        }
    }
}
