//! The counters of write-behind.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of the writes of a collection on this instance, since it was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WriteBehindStats {
    /// Number of writes that were acknowledged.
    pub queued: u64,
    /// Number of writes that were not acknowledged.
    pub refused: u64,
    /// Number of writes that this instance brought to the database and removed from the queue.
    pub flushed: u64,
    /// Number of writes that the database ignored.
    ///
    /// It had the same write or a later one: a flush was repeated, or an instance was paused.
    pub ignored: u64,
    /// Number of flushes that failed, of a batch or of one write.
    pub failed: u64,
    /// Number of writes that this instance moved to the quarantine.
    pub quarantined: u64,
}

/// The counters of one collection.
#[derive(Default)]
pub(super) struct BehindCounters {
    pub(super) queued: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) flushed: AtomicU64,
    pub(super) ignored: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) quarantined: AtomicU64,
}

impl BehindCounters {
    pub(super) fn stats(&self) -> WriteBehindStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WriteBehindStats {
            queued: read(&self.queued),
            refused: read(&self.refused),
            flushed: read(&self.flushed),
            ignored: read(&self.ignored),
            failed: read(&self.failed),
            quarantined: read(&self.quarantined),
        }
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}
