//! The answers to polls, and the pages that come with pushes.

use super::Tail;
use super::tail_state::TailState;
use crate::invalidation::fault_injection::Rule;
use crate::invalidation::log_page::{Cursor, LogPage};
use crate::invalidation::selector::Event;
use crate::invalidation::table::EventPosition;
use crate::time::BootTime;

/// The result of applying the answer to a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PageApplied {
    /// Whether to poll again at once, because the end of the log was not reached.
    pub poll_again: bool,
    /// Whether to wait for a moment before that poll, because too many instances start.
    pub is_busy: bool,
    /// Whether the end of the log was reached.
    ///
    /// If so, everything that was known when the poll was sent is confirmed.
    pub caught_up: bool,
    /// Whether the log is of another incarnation than before, so that everything older is refused.
    ///
    /// This is `true` for the first poll.
    pub new_incarnation: bool,
}

impl Tail {
    /// Applies the answer to a poll that began at our [`cursor`](Self::cursor).
    ///
    /// The poll was sent at `sent`. This follows rules 4, 6, 7, 8 and 9.
    pub fn apply_page(&mut self, look: &LogPage, sent: BootTime) -> PageApplied {
        let cursor = self.cursor(sent);
        self.apply_page_from(&cursor, look, sent)
    }

    /// Applies the answer to a poll that began at this cursor.
    ///
    /// Our cursor may be another one by now, because a [pushed page](Self::apply_pushed_page) was
    /// applied meanwhile.
    pub fn apply_page_from(&mut self, cursor: &Cursor, look: &LogPage, sent: BootTime) -> PageApplied {
        if self.alone {
            return PageApplied::default();
        }
        let new_incarnation = look.incarnation != self.reached.incarnation;
        if new_incarnation {
            self.adopt(look, sent);
        } else if look.last < cursor.after || self.reached.broken {
            return self.note_broken(sent);
        }
        self.take_in(look, sent);
        self.settle();
        let (poll_again, caught_up) = (look.more, !look.more);
        PageApplied { poll_again, is_busy: look.more && look.is_busy, caught_up, new_incarnation }
    }

    /// Applies the page that came with a push, if it goes on where we are. Returns whether it did.
    ///
    /// The push was sent at `sent` with this cursor. It is no poll of the task that follows the
    /// log, so the two may overtake each other. Only that task's own polls change the incarnation
    /// or find the log broken. A page of another incarnation, one that begins beyond our position,
    /// and any page before the log was read to its end, is left to them.
    pub fn apply_pushed_page(&mut self, cursor: &Cursor, page: &LogPage, sent: BootTime) -> bool {
        let TailState { incarnation, log, broken, .. } = self.reached;
        let follows = page.incarnation == incarnation
            && cursor.incarnation == incarnation
            && cursor.after <= log
            && log <= page.last;
        if self.alone || !self.replayed || broken || !follows {
            return false;
        }
        self.take_in(page, sent);
        self.settle();
        true
    }

    /// Adopts another incarnation: it begins at its start, and refuses everything older (rule 6).
    ///
    /// Without `min-replicas-to-write`, a primary that was cut off goes on for a while. Then there
    /// are two incarnations at a time. An event that we appended to the incarnation we leave was
    /// applied there, but may be news to the other one. So *all* is appended to the other one,
    /// unless the log has refused everything since then. If the log leaves that to us, *all* holds
    /// here at once.
    fn adopt(&mut self, look: &LogPage, sent: BootTime) {
        if self.reached.incarnation != self.own {
            self.table.note_forgotten(sent.into());
        }
        self.reached = TailState::start_of(look.incarnation, Some(sent));
        self.replayed = false;
        self.table.forget_log(self.settled());
        // The log does not know of an append since the poll was sent.
        let is_missing = |appended| !look.fenced || appended >= sent;
        let missing = self.appends.outside(look.incarnation).is_some_and(is_missing);
        if missing && !self.injects(Rule::LeavesInSilence) {
            self.defer(&[Event::EVERYTHING], sent);
        }
    }

    /// Notes that the log ends before our position, though it is of our incarnation.
    ///
    /// Only a new incarnation can be believed (end of rule 6). The first such poll asks for one at
    /// once.
    fn note_broken(&mut self, sent: BootTime) -> PageApplied {
        let again = !self.reached.broken;
        self.reached.broken = true;
        self.reached.looked = Some(sent);
        self.settle();
        PageApplied { poll_again: again, ..PageApplied::default() }
    }

    fn take_in(&mut self, look: &LogPage, sent: BootTime) {
        self.reached.looked = self.reached.looked.max(Some(sent));
        if look.floor > self.reached.log {
            self.table.raise_floor(look.floor, self.time_of(look.floor, look, sent));
            self.reached.log = look.floor;
        }
        let begun = self.reached.log;
        for (id, events) in look.entries.iter().filter(|(id, _)| *id > begun) {
            let at = self.time_of(*id, look, sent);
            if events.is_empty() {
                // The first entry of an incarnation. What the one before it had is lost.
                self.table.note_forgotten(at);
            }
            for event in events {
                self.table.apply(event, EventPosition::Log(*id), at, self.settled());
            }
            self.reached.log = self.reached.log.max(*id);
        }
        if !look.more {
            self.reached.log = self.reached.log.max(look.last);
            self.confirmed_at = self.confirmed_at.max(Some(sent));
            self.replayed = true;
        }
    }
}

#[cfg(test)]
mod tests;
