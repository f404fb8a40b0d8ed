//! The invalidations that the table remembers for one name.

use super::EventPosition;
use crate::invalidation::position::{LogId, Watermark};
use crate::invalidation::selector::{Lineage, Mode, Rank};
use crate::time::BootTime;

/// The last hard and the last soft invalidation of one name.
///
/// Each is stored as a watermark, which has a log part and a local part. Hard and soft
/// invalidations are stored separately (rule 3): a soft invalidation after a hard one must not
/// allow the revalidation of a response that the hard one refuses.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub(super) struct Row {
    lineage: Lineage,
    hard: Watermark,
    soft: Watermark,
    soft_log_at: BootTime,
    soft_local_at: BootTime,
    touched: u64,
}

impl Row {
    /// Creates a row without invalidations, for a name with this lineage.
    pub(super) const fn new(lineage: Lineage) -> Self {
        let (hard, soft) = (Watermark::ZERO, Watermark::ZERO);
        Self { lineage, hard, soft, soft_log_at: BootTime::ZERO, soft_local_at: BootTime::ZERO, touched: 0 }
    }

    pub(super) const fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    pub(super) const fn rank(&self) -> Rank {
        self.lineage.rank()
    }

    /// Returns the watermark of the last hard invalidation.
    pub(super) const fn hard(&self) -> Watermark {
        self.hard
    }

    /// Returns the number of the last event of this row.
    ///
    /// Numbers increase with each event of the whole table.
    pub(super) const fn touched(&self) -> u64 {
        self.touched
    }

    /// Returns whether `mark` covers every invalidation of this row.
    pub(super) fn is_covered_by(&self, mark: Watermark) -> bool {
        mark.covers(self.hard.join(self.soft))
    }

    /// Returns whether an event of this row is still to be appended to the log, or to be read back.
    pub(super) fn is_pending(&self, settled: u64) -> bool {
        self.hard.local.max(self.soft.local) > settled
    }

    /// Returns whether the row is kept when rows with a last event up to `last` are dropped.
    pub(super) fn is_kept(&self, last: u64, settled: u64) -> bool {
        self.touched > last || self.is_pending(settled)
    }

    /// Returns the watermark that covers `mark` and every invalidation of this row.
    ///
    /// Soft invalidations count as hard ones, because the result does not record when each of them
    /// began to make responses stale.
    pub(super) fn joined(&self, mark: Watermark) -> Watermark {
        mark.join(self.hard).join(self.soft)
    }

    /// Adds the invalidations of a finer row, so that this row can replace it.
    pub(super) fn absorb(&mut self, finer: &Self) {
        self.hard = finer.joined(self.hard);
        self.touched = self.touched.max(finer.touched);
    }

    /// Returns the moment from which this row makes a response at `mark` stale.
    ///
    /// If both the log part and the local part make it stale, the earlier moment counts.
    pub(super) fn soft_since(&self, mark: Watermark) -> Option<BootTime> {
        let log = (self.soft.log > mark.log).then_some(self.soft_log_at);
        let local = (self.soft.local > mark.local).then_some(self.soft_local_at);
        match (log, local) {
            (Some(log), Some(local)) => Some(log.min(local)),
            (one, other) => one.or(other),
        }
    }

    /// Applies an event, which has the number `touched` in the table.
    pub(super) fn touch(&mut self, mode: Mode, place: EventPosition, now: BootTime, touched: u64) {
        self.touched = touched;
        match (mode, place) {
            (Mode::Hard, EventPosition::Log(id)) => self.hard.log = self.hard.log.max(id),
            (Mode::Hard, EventPosition::Local(number)) => self.hard.local = self.hard.local.max(number),
            (Mode::Soft, EventPosition::Log(id)) => {
                self.soft.log = self.soft.log.max(id);
                self.soft_log_at = now;
            }
            (Mode::Soft, EventPosition::Local(number)) => {
                self.soft.local = self.soft.local.max(number);
                self.soft_local_at = now;
            }
        }
    }

    /// Removes the log part of both invalidations.
    pub(super) fn forget_log(&mut self) {
        self.hard.log = LogId::ZERO;
        self.soft.log = LogId::ZERO;
    }
}

#[cfg(feature = "model")]
impl Row {
    pub(super) fn make_canonical(&mut self, touched: u64) {
        self.touched = touched;
        self.soft_log_at = BootTime::ZERO;
        self.soft_local_at = BootTime::ZERO;
    }
}
