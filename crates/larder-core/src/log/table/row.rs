//! The invalidations that are remembered for one name.

use super::Place;
use crate::log::position::{LogId, Mark};
use crate::log::selector::{Lineage, Mode, Rank};
use crate::time::Boot;

/// The last hard and the last soft invalidation of one name.
///
/// Each has its part in the log and its local part. Hard and soft are kept apart (rule 3): a soft
/// invalidation after a hard one must not make a refused response a base for revalidation again.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub(super) struct Row {
    lineage: Lineage,
    hard: Mark,
    soft: Mark,
    soft_log_at: Boot,
    soft_local_at: Boot,
    touched: u64,
}

impl Row {
    /// Creates a row of a name with this lineage.
    pub(super) const fn new(lineage: Lineage) -> Self {
        let (hard, soft) = (Mark::ZERO, Mark::ZERO);
        Self { lineage, hard, soft, soft_log_at: Boot::ZERO, soft_local_at: Boot::ZERO, touched: 0 }
    }

    pub(super) const fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    pub(super) const fn rank(&self) -> Rank {
        self.lineage.rank()
    }

    /// Returns the last hard invalidation.
    pub(super) const fn hard(&self) -> Mark {
        self.hard
    }

    /// Returns the number of the last event here. The number grows with each event of the table.
    pub(super) const fn touched(&self) -> u64 {
        self.touched
    }

    /// Returns whether nothing here is beyond `mark`.
    pub(super) fn is_covered_by(&self, mark: Mark) -> bool {
        mark.covers(self.hard.join(self.soft))
    }

    /// Returns whether an event here still has to be appended to the log, or to come back from it.
    pub(super) fn is_pending(&self, settled: u64) -> bool {
        self.hard.local.max(self.soft.local) > settled
    }

    /// Returns whether the row stays when rows up to the touch `last` are dropped.
    pub(super) fn is_kept(&self, last: u64, settled: u64) -> bool {
        self.touched > last || self.is_pending(settled)
    }

    /// Returns the watermark that covers `mark` and every invalidation here.
    ///
    /// Soft invalidations count as hard, because it is no longer known how long each has counted as
    /// stale.
    pub(super) fn joined(&self, mark: Mark) -> Mark {
        mark.join(self.hard).join(self.soft)
    }

    /// Adds the invalidations of a finer row, so that this row stands for it as well.
    pub(super) fn absorb(&mut self, finer: &Self) {
        self.hard = finer.joined(self.hard);
        self.touched = self.touched.max(finer.touched);
    }

    /// Returns since when a response at `mark` has counted as stale here.
    ///
    /// If both parts say so, the earlier moment counts.
    pub(super) fn soft_since(&self, mark: Mark) -> Option<Boot> {
        let log = (self.soft.log > mark.log).then_some(self.soft_log_at);
        let local = (self.soft.local > mark.local).then_some(self.soft_local_at);
        match (log, local) {
            (Some(log), Some(local)) => Some(log.min(local)),
            (one, other) => one.or(other),
        }
    }

    /// Applies an event, which is number `touched` of the table.
    pub(super) fn touch(&mut self, mode: Mode, place: Place, now: Boot, touched: u64) {
        self.touched = touched;
        match (mode, place) {
            (Mode::Hard, Place::Log(id)) => self.hard.log = self.hard.log.max(id),
            (Mode::Hard, Place::Local(number)) => self.hard.local = self.hard.local.max(number),
            (Mode::Soft, Place::Log(id)) => {
                self.soft.log = self.soft.log.max(id);
                self.soft_log_at = now;
            }
            (Mode::Soft, Place::Local(number)) => {
                self.soft.local = self.soft.local.max(number);
                self.soft_local_at = now;
            }
        }
    }

    /// Forgets the part in the log.
    pub(super) fn forget_log(&mut self) {
        self.hard.log = LogId::ZERO;
        self.soft.log = LogId::ZERO;
    }
}

#[cfg(feature = "model")]
impl Row {
    pub(super) fn make_canonical(&mut self, touched: u64) {
        self.touched = touched;
        self.soft_log_at = Boot::ZERO;
        self.soft_local_at = Boot::ZERO;
    }
}
