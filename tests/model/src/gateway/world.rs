//! A state of the model of a gateway.

use std::time::Duration;

use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Incarnation, LogId, Position};
use larder_core::invalidation::selector::{Event, Mode, Tag};
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{Limits, Tail, is_usable};
use larder_core::time::{BootTime, WallTime};

use super::{GatewayBudget, STALENESS};

/// The tick at which the model begins.
pub(super) const START: u64 = 20;

/// A complete state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct GatewayWorld {
    /// The remaining steps.
    pub left: GatewayBudget,
    /// The time, in ticks.
    pub now: u64,
    /// When each write was committed, and its invalidation applied.
    pub writes: Vec<u64>,
    /// The incarnation of the log.
    pub life: u8,
    /// Its entries.
    pub log: Vec<Entry>,
    /// The service, which reads the database.
    pub service: Process,
    /// The gateway, which asks the service.
    pub gateway: Process,
}

/// An entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Entry {
    /// Its id.
    pub id: LogId,
    /// Whether it invalidates the one row. The first entry does not.
    pub invalidates: bool,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Process {
    /// The state machine with the rules.
    pub tail: Tail,
    /// A fill: what is stored at its end, as far as it is known.
    pub fill: Option<Fill>,
    /// The stored response.
    pub memory: Option<Stored>,
}

/// A run of the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Fill {
    /// When it began.
    pub began: u64,
    /// The position at that time.
    pub position: Position,
    /// The answer of the handler.
    pub answer: Option<Answer>,
}

/// The answer of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Answer {
    /// The number of writes that it shows.
    pub version: usize,
    /// The position that it states, if it comes from a cache.
    pub stated: Option<Position>,
}

/// A stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Stored {
    /// The number of writes that it shows.
    pub version: usize,
    /// Its position.
    pub position: Position,
    /// When this process began to fill it.
    pub filled_at: Option<u64>,
}

impl GatewayWorld {
    pub(super) fn new(left: GatewayBudget) -> Self {
        let beginning = Entry { id: LogId::new(1, 0), invalidates: false };
        let process = |number: u8| {
            let tail = Tail::following(incarnation(100 + number), Limits { rows: 8, globs: 1, outbox: 4 });
            Process { tail, fill: None, memory: None }
        };
        let (service, gateway) = (process(0), process(1));
        let mut world =
            Self { left, now: START, writes: vec![], life: 0, log: vec![beginning], service, gateway };
        let page = world.page();
        world.service.tail.apply_page(&page, boot(START));
        world.gateway.tail.apply_page(&page, boot(START));
        world
    }

    /// Returns the answer to a poll.
    pub(super) fn page(&self) -> LogPage {
        let event = Event { mode: Mode::Hard, selector: Tag::new("row").into() };
        let events = |entry: &Entry| if entry.invalidates { vec![event.clone()] } else { vec![] };
        LogPage {
            incarnation: incarnation(self.life),
            floor: LogId::ZERO,
            last: self.log.last().map(|entry| entry.id).unwrap_or_default(),
            now: WallTime::from_unix_millis(self.now),
            entries: self.log.iter().map(|entry| (entry.id, events(entry))).collect(),
            more: false,
            fenced: false,
            is_busy: false,
        }
    }

    /// Whether neither process serves what was invalidated longer ago than it may.
    pub(super) fn is_right(&self) -> bool {
        let oldest = self.writes.iter().filter(|at| *at + STALENESS < self.now).count();
        [&self.service, &self.gateway]
            .into_iter()
            .all(|process| process.served(self.now).is_none_or(|stored| stored.version >= oldest))
    }
}

impl Process {
    /// Returns the response that a request gets from memory now (rules 3 and 10).
    pub(super) fn served(&self, now: u64) -> Option<Stored> {
        self.memory.filter(|stored| {
            let staleness = Duration::from_millis(STALENESS);
            let filled_at = stored.filled_at.map(boot);
            self.tail.check(&stored.position, &names(), boot(now)) == Verdict::Valid
                && is_usable(filled_at, self.tail.confirmed_at(), staleness, boot(now))
        })
    }
}

const fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

pub(super) const fn boot(tick: u64) -> BootTime {
    BootTime::from_nanos(tick * 1_000_000)
}

pub(super) fn names() -> Names {
    Names::new("/", &[], &[], &[Tag::new("row")])
}
