//! The short history of a row: its invalidations before the last ones.

use std::time::Duration;

use crate::invalidation::event_time::EventTime;

/// The maximum number of spans in one history.
const MAX_SPANS: usize = 4;

/// One or more invalidations of a row that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Span<P> {
    first: P,
    last: P,
    first_at: EventTime,
    last_at: EventTime,
    has_soft: bool,
}

impl<P: Copy + Ord> Span<P> {
    /// Creates the span of one invalidation.
    pub(super) const fn new(place: P, at: EventTime, is_soft: bool) -> Self {
        Self { first: place, last: place, first_at: at, last_at: at, has_soft: is_soft }
    }

    /// Returns this span as one of hard invalidations.
    pub(super) const fn as_hard(self) -> Self {
        Self { has_soft: false, ..self }
    }

    fn joined(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            first_at: self.first_at.min(other.first_at),
            last_at: self.last_at.max(other.last_at),
            has_soft: self.has_soft || other.has_soft,
        }
    }
}

/// The invalidations of a row that later ones have replaced, in the order of the log.
///
/// It is bounded: if there are too many, the two spans with the shortest time between them are
/// joined. A joined span counts from its first invalidation, because the earlier moment is the safe
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct History<P>(Vec<Span<P>>);

impl<P> Default for History<P> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<P: Copy + Ord> History<P> {
    /// Adds a span.
    pub(super) fn add(&mut self, span: Span<P>) {
        let at = self.0.partition_point(|known| known.first <= span.first);
        self.0.insert(at, span);
        if self.0.len() > MAX_SPANS {
            self.join_closest();
        }
    }

    /// Returns the moment of the earliest soft invalidation after `covered`.
    pub(super) fn soft_since(&self, covered: P) -> Option<EventTime> {
        let soft = self.0.iter().filter(|span| span.has_soft && span.last > covered);
        soft.map(|span| span.first_at).min()
    }

    /// Returns the moment of the earliest invalidation after `moment`.
    ///
    /// Of a span that has begun before, the part after `moment` counts, which may begin at once.
    pub(super) fn earliest_after(&self, moment: EventTime) -> Option<EventTime> {
        let later = self.0.iter().filter(|span| span.last_at > moment);
        later.map(|span| span.first_at.max(moment)).min()
    }

    /// Returns whether an invalidation may lie after `after` and before `before`.
    ///
    /// Only the ends of a span are known to be places of invalidations. Any place between them may
    /// be one, too.
    pub(super) fn may_lie_between(&self, after: P, before: P) -> bool {
        self.0.iter().any(|span| span.last > after && span.first < before)
    }

    /// Returns the moment of the latest invalidation.
    pub(super) fn latest(&self) -> Option<EventTime> {
        self.0.iter().map(|span| span.last_at).max()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Span<P>> {
        self.0.iter()
    }

    fn join_closest(&mut self) {
        let gap = |pair: &[Span<P>]| match pair {
            [one, next] => next.first_at.since(one.last_at),
            _ => Duration::MAX,
        };
        let closest = self.0.windows(2).enumerate().min_by_key(|(_, pair)| gap(pair));
        let Some((index, _)) = closest else { return };
        let next = self.0.remove(index + 1);
        if let Some(one) = self.0.get_mut(index) {
            *one = one.joined(next);
        }
    }
}

#[cfg(feature = "model")]
impl<P> History<P> {
    pub(super) fn forget_moments(&mut self) {
        for span in &mut self.0 {
            (span.first_at, span.last_at) = (EventTime::EARLIEST, EventTime::EARLIEST);
        }
    }
}
