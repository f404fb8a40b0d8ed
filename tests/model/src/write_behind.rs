//! A fifth model: writes that reach the database later.
//!
//! The processes have real tails. There is one key, one partition of the queue, and one row of the
//! database. The properties are that no acknowledged write is lost, that nothing older overwrites
//! the row, and P1 and P2 for every write, whichever part of it was interrupted.

mod log;
mod process;
mod queue;
mod reader;
mod scopes;
mod step;
mod tables;
mod world;
mod writer;

use std::time::Duration;

use stateright::{Model, Property};

use crate::exploration::{Exploration, explore};

pub use log::Log;
pub use process::{Load, LoggedAnswer, Process, Progress, Reader, Required, Stored, Write};
pub use queue::{Place, Queue, QueuedValue};
pub use scopes::{BehindBudget, BehindModel, Durability, harmless, large, limits, misreadings, small};
pub use step::Step;
pub use tables::explore_behind;
pub use world::{BehindWorld, Row};

/// The bound on staleness, in ticks.
pub const STALENESS: u64 = 1;

/// A reading of write-behind. The names describe the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum BehindReading {
    /// The intended reading.
    Right,
    /// The sink does not compare sequence numbers.
    NoFence,
    /// A sequence number is one more than the last one, whatever the time is.
    SequenceIsACounter,
    /// A sequence number is the time of the store.
    SequenceIsTheTime,
    /// A sequence number is the time of the writer.
    SequenceIsTheLocalTime,
    /// A write that is repeated with its id is queued again.
    DuplicateIsQueued,
    /// A write that was queued before stores its value in the cache.
    DuplicateIsStored,
    /// The position of a write is noted after its push.
    BeginsAfterThePush,
    /// A write is acknowledged before its event is appended.
    AcknowledgedBeforeTheEvent,
    /// A push that also appends does so before it queues the write.
    EventBeforeThePush,
    /// The page of a push is applied whatever has happened meanwhile.
    PageInAnyOrder,
    /// A push that is lost before it is durable is acknowledged.
    AcknowledgedBeforeItIsDurable,
    /// A reader does not wait until what it has read is durable.
    FlushedBeforeItIsDurable,
    /// A load does not ask the queue.
    LoadsWithoutAsking,
    /// A load asks the queue after it has read the database.
    AsksAfterTheRead,
    /// A load notes its position after it has asked the queue.
    AsksBeforeThePosition,
    /// A load asks a replica of the queue.
    AsksAReplica,
    /// A value in quarantine is not the value for reads.
    QuarantineIsIgnored,
    /// The quarantine gets what the reader had read, whatever is in the queue.
    QuarantineByKey,
    /// Discarding a write appends nothing.
    DiscardAppendsNothing,
    /// A write is removed from the queue when it is read.
    CompletedBeforeTheCommit,
    /// A flush completes the key, whichever write is in the queue.
    CompletesTheKey,
    /// A flush appends no event.
    FlushAppendsNothing,
    /// A flush appends no event if the row has a higher or the same number.
    NoEventWithoutAChange,
    /// A flush appends its event before the commit.
    EventBeforeTheCommit,
    /// A flush completes its writes although its event was not applied.
    CompletedWithADeferredEvent,
    /// A flush does not wait for the replicas of the database.
    CompletedBeforeTheLag,
    /// A flush waits for the lag from the moment at which it has read the queue.
    LagCountsFromTheRead,
    /// A value that is retried has a new sequence number.
    RetryGetsANewNumber,
    /// A reader without the right to read moves writes to the quarantine.
    AnyReaderQuarantines,
}

impl BehindModel {
    pub(super) fn is_wrong(&self, reading: BehindReading) -> bool {
        self.reading == reading
    }
}

impl Model for BehindModel {
    type State = BehindWorld;
    type Action = Step;

    fn init_states(&self) -> Vec<BehindWorld> {
        vec![BehindWorld::new(self)]
    }

    fn actions(&self, world: &BehindWorld, steps: &mut Vec<Step>) {
        Step::all(world, steps);
    }

    fn next_state(&self, world: &BehindWorld, step: Step) -> Option<BehindWorld> {
        let mut next = world.clone();
        next.take(step, self)?;
        next.make_canonical(self);
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("every promise is kept", |_, world| world.broken().is_none())]
    }
}

/// The result of an exploration of this model.
pub type BehindReport = Exploration<BehindPromise, Step>;

/// A promise of write-behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum BehindPromise {
    /// An acknowledged write is in the database, or in the queue or the quarantine.
    NothingIsLost,
    /// The database does not go back, and gets what is queued.
    InOrder,
    /// No older value is served on the process that wrote or flushed.
    P1,
    /// No older value is served anywhere, somewhat later.
    P2,
}

/// Explores at most this many states of the model.
#[must_use]
pub fn check_behind(model: BehindModel, most: usize, threads: usize) -> BehindReport {
    explore(model, most, threads, BehindWorld::broken)
}

/// Returns the duration of this many ticks.
const fn ticks(number: u64) -> Duration {
    Duration::from_millis(number)
}
