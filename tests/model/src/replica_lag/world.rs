//! A state of the model of a lagging replica.

use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::{Event as LogEvent, Mode, Tag};
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{Limits, Tail};
use larder_core::time::{BootTime, WallTime};

use super::{LAG, LagBudget, ticks};

/// The tick at which the model begins, long after the log.
pub(super) const START: u64 = 20;
/// The log's clock is ahead of every other one.
const LOG_CLOCK: u64 = 1_000;
const LOG: Incarnation = Incarnation::from_bytes([1; 16]);

/// A complete state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct LagWorld {
    /// The remaining steps.
    pub left: LagBudget,
    /// The true time, in ticks.
    pub now: u64,
    /// When each write was committed on the primary.
    pub writes: Vec<u64>,
    /// How many of them the replica shows.
    pub replicated: usize,
    /// The entries of the log.
    pub log: Vec<Event>,
    /// The processes.
    pub processes: Vec<Process>,
    /// Everything that was sent to the shared tier.
    pub shared: Vec<Stored>,
}

/// An invalidation of the one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Event {
    /// Its id in the log.
    pub id: LogId,
    /// The number of writes that it is about.
    pub version: usize,
    /// When it was appended.
    pub at: u64,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Process {
    /// The state machine with the rules.
    pub tail: Tail,
    /// How far its clock is ahead of the true time.
    pub offset: u64,
    /// A poll: when it was sent, and how many entries the answer shows, with the log's time.
    pub poll: Option<(u64, Option<(usize, u64)>)>,
    /// A fill.
    pub fill: Option<Fill>,
    /// Its memory.
    pub memory: Vec<Stored>,
    /// The version that its deferred invalidation is of, and the moment of that.
    pub deferred: Option<(usize, u64)>,
}

/// A run of the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Fill {
    /// When it began.
    pub began: u64,
    /// The position at that time.
    pub position: Position,
    /// The version that it read from the replica.
    pub version: Option<usize>,
}

/// A stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Stored {
    /// The number of writes that it shows.
    pub version: usize,
    /// Its position.
    pub position: Position,
    /// The tick at which it expires, if its lifetime was limited.
    pub until: Option<u64>,
}

impl LagWorld {
    pub(super) fn new(processes: usize, left: LagBudget) -> Self {
        let beginning = Event { id: LogId::new(LOG_CLOCK, 0), version: 0, at: 0 };
        let mut world = Self {
            left,
            now: START,
            writes: vec![],
            replicated: 0,
            log: vec![beginning],
            processes: vec![],
            shared: vec![],
        };
        for number in (0_u8..).take(processes) {
            let mut tail = Tail::following(Incarnation::from_bytes([9 + number; 16]), limits());
            let offset = 100 * u64::from(number);
            tail.apply_page(&world.page(1, START), boot(START + offset));
            let (poll, fill, memory, deferred) = (None, None, vec![], None);
            world.processes.push(Process { tail, offset, poll, fill, memory, deferred });
        }
        world
    }

    /// Returns the answer to a poll that shows this many entries at this time.
    pub(super) fn page(&self, entries: usize, at: u64) -> LogPage {
        let shown = || self.log.iter().take(entries);
        let events = |event: &Event| if event.version == 0 { vec![] } else { vec![invalidation()] };
        LogPage {
            incarnation: LOG,
            floor: LogId::ZERO,
            last: shown().next_back().map(|event| event.id).unwrap_or_default(),
            now: WallTime::from_unix_millis(LOG_CLOCK + at),
            entries: shown().map(|event| (event.id, events(event))).collect(),
            more: false,
            fenced: false,
            is_busy: false,
        }
    }

    /// Appends the invalidation of this version now.
    pub(super) fn append(&mut self, version: usize) {
        let last = self.log.last().map(|event| event.id).unwrap_or_default();
        let id = last.after().max(LogId::new(LOG_CLOCK + self.now, 0));
        self.log.push(Event { id, version, at: self.now });
    }

    /// Whether no process serves a row that is older than an invalidation that it knows, once the
    /// lag has passed.
    pub(super) fn is_right(&self) -> bool {
        self.processes.iter().all(|process| {
            let oldest = self.oldest_allowed(process);
            process.memory.iter().all(|stored| {
                let is_fresh = stored.until.is_none_or(|until| self.now < until);
                let now = boot(self.now + process.offset);
                let is_valid = process.tail.check(&stored.position, &names(), now) == Verdict::Valid;
                stored.version >= oldest || !is_fresh || !is_valid
            })
        })
    }

    fn oldest_allowed(&self, process: &Process) -> usize {
        let read = process.tail.position().watermark.log;
        let known = self.log.iter().filter(|event| event.id <= read);
        let known = known.map(|event| (event.version, event.at)).chain(process.deferred);
        known.filter(|(_, at)| at + LAG <= self.now).map(|(version, _)| version).max().unwrap_or_default()
    }
}

impl Process {
    /// Returns until when a response of this fill is fresh, by the rule.
    pub(super) fn limit(&self, began: u64) -> Option<u64> {
        let end = self.tail.lagging_until(&names(), boot(began + self.offset), ticks(LAG))?;
        Some((end.as_nanos() / 1_000_000).saturating_sub(self.offset))
    }

    /// Returns the response as this process gets it from the shared tier (rule 1).
    pub(super) const fn promote(&self, stored: Stored) -> Stored {
        let watermark =
            Watermark { local: self.tail.position().watermark.local, ..stored.position.watermark };
        Stored { position: Position { watermark, ..stored.position }, ..stored }
    }
}

fn limits() -> Limits {
    Limits { rows: 8, globs: 1, outbox: 4 }
}

pub(super) const fn boot(tick: u64) -> BootTime {
    BootTime::from_nanos(tick * 1_000_000)
}

pub(super) fn names() -> Names {
    Names::new("/", &[], &[], &[Tag::new("row")])
}

pub(super) fn invalidation() -> LogEvent {
    LogEvent { mode: Mode::Hard, selector: Tag::new("row").into() }
}
