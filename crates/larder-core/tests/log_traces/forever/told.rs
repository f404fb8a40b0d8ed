//! A reference that forgets no event.

use larder_core::log::position::{Incarnation, LogId, Position};
use larder_core::log::selector::{Event, Mode};
use larder_core::log::table::Verdict;
use larder_core::store::Look;

use super::steps::is_named;
use crate::world::incarnation;

/// The events that an instance received in one incarnation, and all that it ever deferred.
pub(super) struct Told {
    incarnation: Incarnation,
    read: LogId,
    floor: LogId,
    events: Vec<(LogId, Event)>,
    pub(super) deferred: Vec<Event>,
    /// Whether the instance appended anything to this incarnation.
    pub(super) has_told: bool,
}

impl Told {
    pub(super) fn nothing() -> Self {
        Self {
            incarnation: incarnation(0),
            read: LogId::ZERO,
            floor: LogId::ZERO,
            events: vec![],
            deferred: vec![],
            has_told: false,
        }
    }

    pub(super) fn take_look(&mut self, look: &Look) {
        if look.incarnation != self.incarnation {
            let mut deferred = std::mem::take(&mut self.deferred);
            if self.has_told {
                deferred.push(Event::EVERYTHING);
            }
            *self = Self { incarnation: look.incarnation, deferred, ..Self::nothing() };
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
        if position.incarnation != self.incarnation || position.mark.log < self.floor {
            return Severity::Refused;
        }
        let unread = self.events.iter().filter(|(id, _)| *id > position.mark.log);
        let local = usize::try_from(position.mark.local).unwrap();
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
