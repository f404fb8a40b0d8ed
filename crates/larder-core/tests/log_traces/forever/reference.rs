//! A reference that forgets no event.

use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::position::{Incarnation, LogId, Position};
use larder_core::invalidation::selector::{Event, Mode};
use larder_core::invalidation::table::Verdict;

use super::steps::is_named;
use crate::world::incarnation;

/// The events that an instance received in one incarnation, and all that it ever deferred.
pub(super) struct Reference {
    incarnation: Incarnation,
    read: LogId,
    floor: LogId,
    events: Vec<(LogId, Event)>,
    pub(super) deferred: Vec<Event>,
    /// The incarnations that the instance ever appended to.
    pub(super) appended_to: Vec<Incarnation>,
}

impl Reference {
    pub(super) fn new() -> Self {
        Self {
            incarnation: incarnation(0),
            read: LogId::ZERO,
            floor: LogId::ZERO,
            events: vec![],
            deferred: vec![],
            appended_to: vec![],
        }
    }

    pub(super) fn apply_page(&mut self, look: &LogPage) {
        if look.incarnation != self.incarnation {
            let mut deferred = std::mem::take(&mut self.deferred);
            let appended_to = std::mem::take(&mut self.appended_to);
            if appended_to.iter().any(|incarnation| *incarnation != look.incarnation) {
                deferred.push(Event::EVERYTHING);
            }
            *self = Self { incarnation: look.incarnation, deferred, appended_to, ..Self::new() };
        }
        if look.floor > self.read {
            self.floor = look.floor;
        }
        for (id, events) in &look.entries {
            self.events.extend(events.iter().map(|event| (*id, event.clone())));
        }
        let read = look.entries.last().map_or(self.read, |(id, _)| *id);
        let end = if look.more { LogId::ZERO } else { look.last };
        self.read = self.read.max(read).max(look.floor).max(end);
    }

    pub(super) fn verdict(&self, position: &Position, tag: usize) -> Severity {
        if position.incarnation != self.incarnation || position.watermark.log < self.floor {
            return Severity::Refused;
        }
        let unread = self.events.iter().filter(|(id, _)| *id > position.watermark.log);
        let local = usize::try_from(position.watermark.local).unwrap();
        let after = unread.map(|(_, event)| event).chain(self.deferred.iter().skip(local));
        let modes = after.filter(|event| is_named(tag, &event.selector)).map(|event| event.mode);
        modes.fold(Severity::Valid, |worst, mode| {
            worst.max(if mode == Mode::Hard { Severity::Refused } else { Severity::Soft })
        })
    }
}

/// A [`Verdict`] without times, from the mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Valid,
    Soft,
    Refused,
}

impl From<Verdict> for Severity {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid => Self::Valid,
            Verdict::Soft(_) => Self::Soft,
            Verdict::Refused => Self::Refused,
        }
    }
}
