//! The invalidation log. Each of its events names the one key.

use std::sync::LazyLock;

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::{Event, Mode, Selector};
use larder_core::invalidation::tail::Tail;
use larder_core::time::{BootTime, WallTime};

/// Stands for the incarnation of a process that has not read the log.
pub(super) const PLACEHOLDER: u8 = 100;

/// The log: one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Log {
    /// Its incarnation.
    pub life: u8,
    /// The number of its events.
    pub events: u8,
}

impl Log {
    /// Appends an event.
    pub(super) fn append(&mut self, now: BootTime) -> Appended {
        self.events += 1;
        self.newest(now)
    }

    /// Returns the newest event, as the answer to its append.
    pub(super) fn newest(&self, answered: BootTime) -> Appended {
        Appended { incarnation: incarnation(self.life), id: id(self.events), answered }
    }

    /// Loses the log. The next one has another incarnation.
    pub(super) fn lose(&mut self) {
        (self.life, self.events) = (self.life + 1, 0);
    }

    /// Lets a tail read to the end.
    pub(super) fn poll(&self, tail: &mut Tail, now: BootTime) {
        let page = self.page(&tail.cursor(now));
        tail.apply_page(&page, now);
    }

    /// Returns the answer to a poll.
    pub(super) fn page(&self, cursor: &Cursor) -> LogPage {
        let after = if cursor.incarnation == incarnation(self.life) { cursor.after } else { LogId::ZERO };
        let entries = (0..=self.events).map(id).filter(|entry| *entry > after);
        LogPage {
            incarnation: incarnation(self.life),
            floor: LogId::ZERO,
            last: id(self.events),
            now: WallTime::default(),
            entries: entries.map(|entry| (entry, events_of(entry))).collect(),
            more: false,
            // There is one log at a time, so the next one began after every append to this one.
            fenced: true,
            is_busy: false,
        }
    }
}

pub(super) const fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

/// The first entry of each log has no event.
const fn id(event: u8) -> LogId {
    LogId::new(0, event as u64 + 1)
}

fn events_of(entry: LogId) -> Vec<Event> {
    if entry == id(0) { vec![] } else { vec![event()] }
}

/// Returns the event of a write.
pub(super) fn event() -> Event {
    Event { mode: Mode::Hard, selector: Selector::Key("k".into()) }
}

/// Returns the names of the one value.
pub(super) fn names() -> &'static Names {
    static NAMES: LazyLock<Names> = LazyLock::new(|| Names::of_value("k", &[]));
    &NAMES
}

pub(super) const fn boot(tick: u64) -> BootTime {
    BootTime::from_nanos(tick * 1_000_000)
}
