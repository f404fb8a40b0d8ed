//! The history of a run: all that a checker needs to know, and nothing that it would have to
//! believe.

use std::time::Duration;

use serde::Serialize;

use crate::clock::Moment;
use crate::item::{Item, Way};

/// The life of one process of an instance. A process that was killed and started anew is another
/// life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct LifeId(pub u32);

/// What is known of a life.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Life {
    /// Which instance it was of.
    pub instance: usize,
    /// Just before it was killed, if it was.
    pub killed: Option<Moment>,
}

/// One write: a new version, then an invalidation.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Write {
    /// Who wrote.
    pub life: LifeId,
    /// What.
    pub item: Item,
    /// How it was invalidated.
    pub way: Way,
    /// Before the request was sent.
    pub sent: Moment,
    /// What came of it; `None` if the instance did not live to say so.
    pub done: Option<WriteResult>,
}

/// A write that returned.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct WriteResult {
    /// The version that was committed before the invalidation began.
    pub version: u64,
    /// What `invalidate` said.
    pub claimed: Claimed,
    /// When it had returned, by the instance's own reading of the machine's clock.
    pub returned: Moment,
}

/// What `invalidate` said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[allow(clippy::exhaustive_enums)]
pub enum Claimed {
    /// Every instance is bound from now on.
    Applied,
    /// This instance is, the others will be.
    Deferred,
    /// The layer did it by itself and tells nobody how far it got.
    Nothing,
}

/// One read.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Read {
    /// Who was asked.
    pub life: LifeId,
    /// For what.
    pub item: Item,
    /// Before the request was sent.
    pub sent: Moment,
    /// After the response had arrived.
    pub done: Moment,
    /// What the client saw.
    pub observed: Observed,
    /// What the cache says it did: `HIT memory`.
    pub outcome: String,
}

/// What a client saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(clippy::exhaustive_enums)]
pub enum Observed {
    /// A version of the item.
    Version {
        /// Which.
        version: u64,
        /// The run that the response says it is from, if it says so.
        run: Option<u64>,
    },
    /// An error, with the run that says it made it.
    Failure {
        /// Which run.
        run: u64,
    },
    /// No whole response: the connection broke.
    Lost(String),
    /// A response that no handler made, or not for this request.
    Nonsense(String),
}

/// One run of a handler.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Run {
    /// Where it ran.
    pub life: LifeId,
    /// What it read.
    pub item: Item,
    /// The version that it read.
    pub version: u64,
    /// When it had read it.
    pub began: Moment,
    /// How long it then took to answer.
    pub delay: Duration,
    /// Whether it answered with an error.
    pub fails: bool,
}

/// A time during which a deposed primary may still have taken looks and appends (LOG.md, rule 5):
/// measured by asking it.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct TwoPrimaries {
    /// Before the other one was promoted.
    pub from: Moment,
    /// After the deposed one was first seen to refuse, or could be reached no more.
    pub until: Moment,
    /// From when on each instance could not reach the deposed one.
    pub moved: Vec<Moment>,
}

impl TwoPrimaries {
    /// Until when this instance may have heard of the deposed primary's log, and told it something.
    #[must_use]
    pub fn heard_until(&self, instance: usize) -> Moment {
        self.moved.get(instance).map_or(self.until, |moved| self.until.min(*moved))
    }
}

/// An instance was seen to owe the log nothing.
#[derive(Debug, Clone, Copy, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct EmptyOutbox {
    /// Who.
    pub life: LifeId,
    /// After this moment it owed nothing for a while,
    pub sent: Moment,
    /// and before this one.
    pub done: Moment,
}

/// A fault, as it was inflicted.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct InjectedFault {
    /// The kind, as it is named on the command line.
    pub kind: &'static str,
    /// What exactly.
    pub what: String,
    /// Before it began.
    pub from: Moment,
    /// After it ended.
    pub until: Moment,
}

/// All of a run.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct History {
    /// When the run began; moments are told relative to it.
    pub began: Moment,
    /// The bound that the instances were started with.
    pub max_staleness: Duration,
    /// All lives, by their ids.
    pub lives: Vec<Life>,
    /// All writes.
    pub writes: Vec<Write>,
    /// All reads.
    pub reads: Vec<Read>,
    /// All runs of handlers, by their numbers.
    pub runs: Vec<Run>,
    /// When each version of each item was committed, by [`Item::index`] and version; version 1 is
    /// from before.
    pub commits: Vec<Vec<Moment>>,
    /// Who was seen to owe nothing, in order.
    pub empty_outboxes: Vec<EmptyOutbox>,
    /// When there were two primaries.
    pub two_primaries: Vec<TwoPrimaries>,
    /// What was inflicted.
    pub faults: Vec<InjectedFault>,
}

impl Write {
    /// Whether what it named may not be shown any more: a soft invalidation lets a policy with
    /// windows show it.
    #[must_use]
    pub fn binds(&self) -> bool {
        self.way != Way::SoftTag || !self.item.family.has_windows()
    }
}

impl History {
    /// What is known of a life.
    #[must_use]
    pub fn life(&self, id: LifeId) -> Option<&Life> {
        self.lives.get(usize::try_from(id.0).ok()?)
    }

    /// What is known of a run.
    #[must_use]
    pub fn run(&self, number: u64) -> Option<&Run> {
        self.runs.get(usize::try_from(number).ok()?)
    }

    /// When a version was committed: `None` for the first, which was there before.
    #[must_use]
    pub fn committed(&self, item: Item, version: u64) -> Option<Moment> {
        let after_first = usize::try_from(version).ok()?.checked_sub(2)?;
        self.commits.get(item.index())?.get(after_first).copied()
    }
}
