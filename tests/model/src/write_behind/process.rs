//! A process, with everything that ends with it.

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::position::{Incarnation, Position};
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{Limits, Tail, is_usable};
use larder_core::time::BootTime;

use super::log::{PLACEHOLDER, boot, incarnation, names};
use super::queue::QueuedValue;
use super::{STALENESS, ticks};

const LIMITS: Limits = Limits { rows: 16, globs: 1, outbox: 4 };

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Process {
    /// The state machine with the rules.
    pub tail: Tail,
    /// Every value that was stored in memory, and is not refused for ever.
    pub memory: Vec<Stored>,
    /// The values that this process has to serve.
    pub required: Required,
    /// The writes and discards that have not ended.
    pub writes: Vec<Write>,
    /// The loads that have not ended.
    pub loads: Vec<Load>,
    /// The worker.
    pub reader: Reader,
    /// Whether it has the right to read.
    pub is_reader: bool,
    /// How far its clock is behind that of the queue. Only a misreading uses it.
    pub is_behind: bool,
}

/// The condition that a served value has to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Required {
    /// Older versions must not be served.
    pub at_least: u8,
    /// Discarded versions must not be served, one bit for each.
    pub not: u8,
}

/// A stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Stored {
    /// Its version.
    pub version: u8,
    /// Its position.
    pub position: Position,
    /// When its load began, if it was loaded here.
    pub filled_at: Option<BootTime>,
}

/// A write, or the discard of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Write {
    /// The position from before the push.
    ///
    /// `None` if nothing is stored: for a repeated write, and for a discard.
    pub began: Option<Position>,
    /// The version.
    pub version: u8,
    /// Whether this discards the version.
    pub is_discard: bool,
    /// How far it is.
    pub progress: Progress,
}

/// The progress of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Progress {
    /// The answer to its push was lost. It pushes again.
    Unheard,
    /// It waits until it is durable, and appends its event.
    Pushed,
    /// It waits until its own tail has passed its event.
    Appended(Appended),
    /// The answer to its push is under way. That push has appended its event as well, and polled.
    Logged(LoggedAnswer),
}

/// The answer to a push that has appended its event and polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct LoggedAnswer {
    /// When it was sent.
    pub sent: u64,
    /// The position of the process at that moment.
    pub began: Position,
    /// The incarnation of the log, and the number of its event.
    pub log: (u8, u8),
}

/// A load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Load {
    /// The position from before it, and the moment of that.
    pub position: Position,
    /// The moment at which it began.
    pub began: u64,
    /// The facts that it knows so far.
    pub step: LoadStep,
}

/// The progress of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum LoadStep {
    /// Nothing is pending, so it reads the database.
    NothingPending,
    /// It has this version. Only a misreading waits with it.
    Found(u8),
}

/// The progress of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Reader {
    /// It reads the queue.
    Idle,
    /// It flushes this write, which it has read at this moment. Only a misreading has an event.
    Read(QueuedValue, u64, Option<Appended>),
    /// The sink has committed, and the event has to be appended again.
    Committed(Flushed),
    /// The sink has committed, and the event is appended. Only a misreading has none.
    Appended(Flushed, Option<Appended>),
}

/// A committed write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Flushed {
    /// The write.
    pub write: QueuedValue,
    /// The version that the row then had.
    pub row: u8,
    /// From when on the replicas get time.
    pub at: u64,
}

impl Required {
    pub(super) fn add(&mut self, other: Self) {
        self.at_least = self.at_least.max(other.at_least);
        self.not |= other.not;
    }

    /// Forgets what is lost: versions after this one.
    pub(super) fn cap(&mut self, version: u8) {
        self.at_least = self.at_least.min(version);
    }

    const fn allows(self, version: u8) -> bool {
        version >= self.at_least && self.not & (1 << version) == 0
    }
}

impl Process {
    /// Creates a process that has not read the log.
    pub(super) fn new() -> Self {
        Self {
            tail: Tail::following(incarnation(PLACEHOLDER), LIMITS),
            memory: vec![],
            required: Required::default(),
            writes: vec![],
            loads: vec![],
            reader: Reader::Idle,
            is_reader: false,
            is_behind: false,
        }
    }

    /// Whether a request that begins now would get a value that must not be served.
    pub(super) fn serves_wrong(&self, required: Required, now: u64) -> bool {
        self.memory.iter().any(|stored| !required.allows(stored.version) && self.serves(stored, now))
    }

    /// Whether the value is served now (rules 3 and 10).
    fn serves(&self, stored: &Stored, now: u64) -> bool {
        let now = boot(now);
        is_usable(stored.filled_at, self.tail.confirmed_at(), ticks(STALENESS), now)
            && self.tail.check(&stored.position, names(), now) != Verdict::Refused
    }

    /// Whether a future poll can make the value usable again.
    pub(super) fn may_be_served(&self, stored: &Stored) -> bool {
        let (own, other) = (self.tail.position().incarnation, stored.position.incarnation);
        if own == other {
            return self.tail.check(&stored.position, names(), BootTime::ZERO) != Verdict::Refused;
        }
        // Incarnations follow each other. A value of the next one may come from the shared tier.
        let number = |of: Incarnation| of.to_bytes()[0];
        other != incarnation(PLACEHOLDER) && (own == incarnation(PLACEHOLDER) || number(other) > number(own))
    }
}
