//! The invalidations that the table remembers for one name.

use super::EventPosition;
use super::history::{History, Span};
use crate::invalidation::event_time::EventTime;
use crate::invalidation::position::{LogId, Watermark};
use crate::invalidation::refusal::RefusalPlace;
use crate::invalidation::selector::{Lineage, Mode, Rank};

/// The last hard and the last soft invalidation of one name, and a short history of earlier ones.
///
/// Each of the last two is a watermark, which has a log part and a local part. Hard and soft
/// invalidations are stored separately (rule 3): a soft invalidation after a hard one must not
/// allow the revalidation of a response that the hard one refuses.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub(super) struct Row {
    lineage: Lineage,
    hard: Last,
    soft: Last,
    /// The invalidations before the last ones. `None` if there are none, as for most names.
    earlier: Option<Box<Earlier>>,
    touched: u64,
}

/// The last invalidation of one mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Last {
    mark: Watermark,
    log_at: EventTime,
    local_at: EventTime,
}

impl Last {
    const NONE: Self =
        Self { mark: Watermark::ZERO, log_at: EventTime::EARLIEST, local_at: EventTime::EARLIEST };
}

/// The invalidations before the last ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Earlier {
    log: History<LogId>,
    local: History<u64>,
}

impl Row {
    /// Creates a row without invalidations, for a name with this lineage.
    pub(super) const fn new(lineage: Lineage) -> Self {
        Self { lineage, hard: Last::NONE, soft: Last::NONE, earlier: None, touched: 0 }
    }

    pub(super) const fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    pub(super) const fn rank(&self) -> Rank {
        self.lineage.rank()
    }

    /// Returns the watermark of the last hard invalidation.
    pub(super) const fn hard(&self) -> Watermark {
        self.hard.mark
    }

    /// Returns the watermark of the last soft invalidation.
    pub(super) const fn soft(&self) -> Watermark {
        self.soft.mark
    }

    /// Returns the moment of the last hard invalidation with a place of this kind.
    pub(super) const fn hard_moment(&self, place: RefusalPlace) -> EventTime {
        match place {
            RefusalPlace::Deferred(_) => self.hard.local_at,
            RefusalPlace::Log(_) | RefusalPlace::Elsewhere => self.hard.log_at,
        }
    }

    /// Returns the number of the last event of this row.
    ///
    /// Numbers increase with each event of the whole table.
    pub(super) const fn touched(&self) -> u64 {
        self.touched
    }

    /// Returns whether `mark` covers every invalidation of this row.
    pub(super) fn is_covered_by(&self, mark: Watermark) -> bool {
        mark.covers(self.joined(Watermark::ZERO))
    }

    /// Returns whether an event of this row is still to be appended to the log, or to be read back.
    pub(super) fn is_pending(&self, settled: u64) -> bool {
        self.hard.mark.local.max(self.soft.mark.local) > settled
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
        mark.join(self.hard.mark).join(self.soft.mark)
    }

    /// Adds the invalidations of a finer row, so that this row can replace it.
    ///
    /// They count as hard ones here, and keep their moments.
    pub(super) fn absorb(&mut self, finer: &Self) {
        for last in [finer.hard, finer.soft] {
            self.raise(Mode::Hard, EventPosition::Log(last.mark.log), last.log_at);
            self.raise(Mode::Hard, EventPosition::Local(last.mark.local), last.local_at);
        }
        if let Some(finer) = &finer.earlier {
            let earlier = self.earlier.get_or_insert_default();
            finer.log.iter().for_each(|span| earlier.log.add(span.as_hard()));
            finer.local.iter().for_each(|span| earlier.local.add(span.as_hard()));
        }
        self.touched = self.touched.max(finer.touched);
    }

    /// Returns the moment from which this row makes a response at `mark` stale.
    ///
    /// This is the moment of the earliest soft invalidation that `mark` does not cover. A further
    /// one does not make the response younger.
    pub(super) fn soft_since(&self, mark: Watermark) -> Option<EventTime> {
        let Last { mark: last, log_at, local_at } = self.soft;
        let log = (last.log > mark.log).then_some(log_at);
        let local = (last.local > mark.local).then_some(local_at);
        let earlier = self.earlier.as_deref();
        let earlier_log = earlier.and_then(|earlier| earlier.log.soft_since(mark.log));
        let earlier_local = earlier.and_then(|earlier| earlier.local.soft_since(mark.local));
        [log, local, earlier_log, earlier_local].into_iter().flatten().min()
    }

    /// Returns the moment of the earliest invalidation after `moment`, of either mode.
    pub(super) fn earliest_after(&self, moment: EventTime) -> Option<EventTime> {
        let earlier = self.earlier.as_deref();
        let log = earlier.and_then(|earlier| earlier.log.earliest_after(moment));
        let local = earlier.and_then(|earlier| earlier.local.earliest_after(moment));
        let last = self.last_moments().into_iter().filter(|at| *at > moment);
        last.chain(log).chain(local).min()
    }

    /// Returns whether the last invalidation of this mode lies in the log after `after` and before
    /// `before`.
    pub(super) fn is_last_between(&self, mode: Mode, after: LogId, before: LogId) -> bool {
        let last = if mode == Mode::Soft { &self.soft } else { &self.hard };
        last.mark.log > after && last.mark.log < before
    }

    /// Returns whether an earlier invalidation, of either mode, may lie in the log after `after`
    /// and before `before`.
    pub(super) fn may_earlier_lie_between(&self, after: LogId, before: LogId) -> bool {
        self.earlier.as_deref().is_some_and(|earlier| earlier.log.may_lie_between(after, before))
    }

    /// Returns the moment of the latest invalidation, of either mode.
    pub(super) fn latest(&self) -> EventTime {
        let earlier = self.earlier.as_deref();
        let log = earlier.and_then(|earlier| earlier.log.latest());
        let local = earlier.and_then(|earlier| earlier.local.latest());
        self.last_moments().into_iter().chain(log).chain(local).max().unwrap_or(EventTime::EARLIEST)
    }

    const fn last_moments(&self) -> [EventTime; 4] {
        let (hard, soft) = (self.hard, self.soft);
        [hard.log_at, hard.local_at, soft.log_at, soft.local_at]
    }

    /// Applies an event of this moment, which has the number `touched` in the table.
    pub(super) fn touch(&mut self, mode: Mode, place: EventPosition, at: EventTime, touched: u64) {
        self.touched = touched;
        self.raise(mode, place, at);
    }

    /// Notes an invalidation. The later one of this and the last one becomes the last one.
    fn raise(&mut self, mode: Mode, place: EventPosition, at: EventTime) {
        let is_soft = mode == Mode::Soft;
        let last = if is_soft { &mut self.soft } else { &mut self.hard };
        match place {
            EventPosition::Log(id) => {
                if let Some((id, at)) = replace(&mut last.mark.log, &mut last.log_at, id, at) {
                    let earlier = self.earlier.get_or_insert_default();
                    earlier.log.add(Span::new(id, at, is_soft));
                }
            }
            EventPosition::Local(number) => {
                if let Some((number, at)) = replace(&mut last.mark.local, &mut last.local_at, number, at) {
                    let earlier = self.earlier.get_or_insert_default();
                    earlier.local.add(Span::new(number, at, is_soft));
                }
            }
        }
    }

    /// Removes the log part of all invalidations.
    pub(super) fn forget_log(&mut self) {
        for last in [&mut self.hard, &mut self.soft] {
            last.mark.log = LogId::ZERO;
            last.log_at = EventTime::EARLIEST;
        }
        if let Some(earlier) = &mut self.earlier {
            earlier.log = History::default();
        }
    }
}

/// Replaces the last place and its moment by a later one. Returns the earlier of the two places.
///
/// The zero is the place before every event, so it is not returned.
fn replace<P: Copy + Ord + Default>(
    last: &mut P,
    last_at: &mut EventTime,
    place: P,
    at: EventTime,
) -> Option<(P, EventTime)> {
    let mut earlier = (place, at);
    if place == *last {
        *last_at = if place == P::default() { *last_at } else { at.min(*last_at) };
        return None;
    }
    if place > *last {
        earlier = (std::mem::replace(last, place), std::mem::replace(last_at, at));
    }
    (earlier.0 > P::default()).then_some(earlier)
}

#[cfg(feature = "model")]
impl Row {
    pub(super) fn forget_moments(&mut self, touched: u64) {
        self.touched = touched;
        for last in [&mut self.hard, &mut self.soft] {
            (last.log_at, last.local_at) = (EventTime::EARLIEST, EventTime::EARLIEST);
        }
        if let Some(earlier) = &mut self.earlier {
            earlier.log.forget_moments();
            earlier.local.forget_moments();
        }
    }

    pub(super) fn forget_history(&mut self) {
        self.earlier = None;
    }
}
