//! The history of a run: all facts that the checker needs, and no claims that it would have to
//! trust.

use std::time::Duration;

use serde::Serialize;

use crate::clock::Moment;
use crate::item::{Item, Way};

/// A life of an instance: one process. A killed and restarted process is another life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct LifeId(pub u32);

/// The facts about a life.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Life {
    /// Its instance.
    pub instance: usize,
    /// Just before it was killed, if it was.
    pub killed: Option<Moment>,
}

/// One write: a new version, then an invalidation.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Write {
    /// The life that wrote.
    pub life: LifeId,
    /// The item.
    pub item: Item,
    /// The way of invalidation.
    pub way: Way,
    /// Before the request was sent.
    pub sent: Moment,
    /// The result, or `None` if the instance died before it answered.
    pub done: Option<WriteResult>,
}

/// A write that returned.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct WriteResult {
    /// The version that was committed before the invalidation began.
    pub version: u64,
    /// The result of `invalidate`.
    pub claimed: Claimed,
    /// When it had returned, measured by the instance.
    pub returned: Moment,
    /// Whether a write-through stored its value. `None` for other writes.
    pub stored: Option<bool>,
}

/// One write that is queued on its way to the database. Its number is its index in
/// [`History::queued`], plus one.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct QueuedWrite {
    /// The life that wrote.
    pub life: LifeId,
    /// The item.
    pub item: Item,
    /// Before the request was sent.
    pub sent: Moment,
    /// The result, or `None` if the instance died before it answered.
    pub done: Option<QueuedResult>,
}

/// The result of a queued write.
#[derive(Debug, Clone, Copy, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct QueuedResult {
    /// The claim.
    pub acceptance: Acceptance,
    /// When it had returned, measured by the instance.
    pub returned: Moment,
}

/// The result of a queued write, as `write` claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[allow(clippy::exhaustive_enums)]
pub enum Acceptance {
    /// It is durable in the queue.
    Acknowledged,
    /// It is not queued, and never will be.
    NotQueued,
    /// It is not queued, because the queue is full.
    Full,
    /// It is not queued, because the queue is not durable enough.
    NotDurable,
    /// It is queued by now, or never will be.
    Unknown,
    /// The call was dropped. It may still be queued for a moment.
    Dropped,
}

impl Acceptance {
    /// All results.
    pub const ALL: [Self; 6] =
        [Self::Acknowledged, Self::NotQueued, Self::Full, Self::NotDurable, Self::Unknown, Self::Dropped];

    /// Returns its name between instances and driver, and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::NotQueued => "not queued",
            Self::Full => "full",
            Self::NotDurable => "not durable",
            Self::Unknown => "unknown",
            Self::Dropped => "dropped",
        }
    }

    /// Whether the write never takes effect.
    #[must_use]
    pub const fn is_refused(self) -> bool {
        matches!(self, Self::NotQueued | Self::Full | Self::NotDurable)
    }
}

/// A change of the database by a queued write.
#[derive(Debug, Clone, Copy, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Change {
    /// The item.
    pub item: Item,
    /// The sequence number.
    pub sequence: u64,
    /// The number of the write.
    pub number: u64,
    /// The time of the commit.
    pub at: Moment,
    /// The life whose sink committed it.
    pub life: LifeId,
}

/// The result of `invalidate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[allow(clippy::exhaustive_enums)]
pub enum Claimed {
    /// The invalidation takes effect on every instance.
    Applied,
    /// The invalidation takes effect on this instance now, and on the others later.
    Deferred,
    /// There is no report of the result: the layer invalidated by itself, or a write-through failed
    /// or was cancelled.
    Nothing,
}

/// One read.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Read {
    /// The life that answered.
    pub life: LifeId,
    /// The item.
    pub item: Item,
    /// Before the request was sent.
    pub sent: Moment,
    /// After the response had arrived.
    pub done: Moment,
    /// The response that the client observed.
    pub observed: Observed,
    /// The cache's own report: `HIT memory`.
    pub outcome: String,
}

/// The response that a client observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(clippy::exhaustive_enums)]
pub enum Observed {
    /// A version of the item.
    Version {
        /// The version.
        version: u64,
        /// The run that made the response, if the response names it.
        run: Option<u64>,
    },
    /// An error, with the run that made it.
    Failure {
        /// The run.
        run: u64,
    },
    /// The queue could not be asked for a pending write, so the read was refused.
    QueueUnavailable,
    /// No complete response: the connection broke.
    Lost(String),
    /// A response that no handler made, or a response to another request.
    Nonsense(String),
}

/// One run of a handler.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Run {
    /// The life in which it ran.
    pub life: LifeId,
    /// The item that it read.
    pub item: Item,
    /// The version that it read.
    pub version: u64,
    /// When it had read the version.
    pub began: Moment,
    /// How long it then took to answer.
    pub delay: Duration,
    /// Whether it answered with an error.
    pub fails: bool,
}

/// A time during which a deposed primary may still have accepted polls and appends (rule 5). It is
/// measured by sending it writes.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct TwoPrimaries {
    /// Before the other server was promoted.
    pub from: Moment,
    /// After the deposed primary first refused a write, or could no longer be reached.
    pub until: Moment,
    /// For each instance, when it could no longer reach the deposed primary.
    pub moved: Vec<Moment>,
}

impl TwoPrimaries {
    /// Returns until when this instance may have read from the deposed primary, or appended to it.
    #[must_use]
    pub fn heard_until(&self, instance: usize) -> Moment {
        self.moved.get(instance).map_or(self.until, |moved| self.until.min(*moved))
    }
}

/// A probe found that an instance had nothing left to append.
#[derive(Debug, Clone, Copy, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct EmptyOutbox {
    /// The life.
    pub life: LifeId,
    /// The outbox was empty at some moment after this one,
    pub sent: Moment,
    /// and before this one.
    pub done: Moment,
}

/// An injected fault.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct InjectedFault {
    /// The kind, as named on the command line.
    pub kind: &'static str,
    /// A precise description.
    pub what: String,
    /// Before it began.
    pub from: Moment,
    /// After it ended.
    pub until: Moment,
}

/// The history of a run.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct History {
    /// When the run began. Reports show moments relative to it.
    pub began: Moment,
    /// The bound of the instances.
    pub max_staleness: Duration,
    /// All lives, indexed by id.
    pub lives: Vec<Life>,
    /// All writes.
    pub writes: Vec<Write>,
    /// All reads.
    pub reads: Vec<Read>,
    /// All runs of handlers, indexed by number.
    pub runs: Vec<Run>,
    /// When each version of each item was committed, by [`Item::index`] and version. Version 1
    /// exists from the beginning.
    pub commits: Vec<Vec<Moment>>,
    /// Probes that found an empty outbox, in order.
    pub empty_outboxes: Vec<EmptyOutbox>,
    /// The times with two primaries.
    pub two_primaries: Vec<TwoPrimaries>,
    /// The injected faults.
    pub faults: Vec<InjectedFault>,
    /// All queued writes, by number.
    pub queued: Vec<QueuedWrite>,
    /// All changes of the database by queued writes, in order.
    pub changes: Vec<Change>,
    /// Number of writes that the database ignored, because they came again or too late.
    pub ignored: u64,
    /// When the queue was found empty after all faults and writes were over.
    pub drained: Option<Moment>,
}

impl Write {
    /// Whether the old version may no longer be shown. A soft invalidation permits it where the
    /// policy has a window.
    #[must_use]
    pub fn binds(&self) -> bool {
        self.way != Way::SoftTag || !self.item.family.has_windows()
    }
}

impl QueuedWrite {
    /// Returns when the write was certain to be queued or never to be. `None` if that is not known.
    #[must_use]
    pub fn ended(&self) -> Option<Moment> {
        let done = self.done.filter(|done| done.acceptance != Acceptance::Dropped)?;
        Some(done.returned)
    }

    /// Whether this is the result.
    #[must_use]
    pub fn is(&self, acceptance: Acceptance) -> bool {
        self.done.is_some_and(|done| done.acceptance == acceptance)
    }
}

impl History {
    /// Returns a queued write. There is none with the number 0.
    #[must_use]
    pub fn queued_write(&self, number: u64) -> Option<&QueuedWrite> {
        self.queued.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Returns the facts about a life.
    #[must_use]
    pub fn life(&self, id: LifeId) -> Option<&Life> {
        self.lives.get(usize::try_from(id.0).ok()?)
    }

    /// Returns the facts about a run.
    #[must_use]
    pub fn run(&self, number: u64) -> Option<&Run> {
        self.runs.get(usize::try_from(number).ok()?)
    }

    /// Returns when a version was committed, or `None` for the first version, which always existed.
    #[must_use]
    pub fn committed(&self, item: Item, version: u64) -> Option<Moment> {
        let after_first = usize::try_from(version).ok()?.checked_sub(2)?;
        self.commits.get(item.index())?.get(after_first).copied()
    }
}
