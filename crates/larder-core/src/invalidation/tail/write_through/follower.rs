//! A log and a process that follows it, for the tests of rule 18.

use crate::invalidation::append_status::Appended;
use crate::invalidation::log_page::LogPage;
use crate::invalidation::names::Names;
use crate::invalidation::position::{Incarnation, LogId, Position};
use crate::invalidation::selector::Event;
use crate::invalidation::table::Verdict;
use crate::invalidation::tail::{Limits, Tail};
use crate::time::{BootTime, WallTime};

pub(super) const NOW: BootTime = BootTime::ZERO;

/// A log, and a process that follows it.
pub(super) struct Follower {
    pub(super) tail: Tail,
    pub(super) incarnation: Incarnation,
    pub(super) entries: Vec<(LogId, Vec<Event>)>,
    pub(super) floor: LogId,
    pub(super) last: u64,
}

impl Follower {
    pub(super) fn new(limits: Limits) -> Self {
        let tail = Tail::following(Incarnation::from_bytes([9; 16]), limits);
        let incarnation = Incarnation::from_bytes([1; 16]);
        let mut follower = Self { tail, incarnation, entries: vec![], floor: LogId::ZERO, last: 0 };
        follower.append(&[]);
        follower.poll();
        follower
    }

    pub(super) fn append(&mut self, events: &[Event]) -> Appended {
        self.last += 1;
        let id = LogId::new(self.last, 0);
        self.entries.push((id, events.to_vec()));
        Appended { incarnation: self.incarnation, id, answered: NOW }
    }

    pub(super) fn append_each(&mut self, entries: &[Vec<Event>]) {
        for events in entries {
            self.append(events);
        }
    }

    pub(super) fn poll(&mut self) {
        self.poll_some(usize::MAX);
    }

    /// Polls for at most this many entries.
    pub(super) fn poll_some(&mut self, count: usize) {
        let cursor = self.tail.cursor(NOW);
        let after = if cursor.incarnation == self.incarnation { cursor.after } else { LogId::ZERO };
        let waiting: Vec<_> = self.entries.iter().filter(|(id, _)| *id > after).cloned().collect();
        let page = LogPage {
            incarnation: self.incarnation,
            floor: self.floor,
            last: LogId::new(self.last, 0),
            now: WallTime::default(),
            more: waiting.len() > count,
            entries: waiting.into_iter().take(count).collect(),
            fenced: true,
            is_busy: false,
        };
        self.tail.apply_page(&page, NOW);
    }

    pub(super) fn lose_log(&mut self, incarnation: u8) {
        self.incarnation = Incarnation::from_bytes([incarnation; 16]);
        self.entries.clear();
        self.last = 0;
        self.append(&[]);
    }

    pub(super) fn check(&self, position: &Position, names: &Names) -> Verdict {
        self.tail.check(position, names, NOW)
    }
}
