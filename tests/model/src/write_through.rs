//! A fourth model: writes that store their value (rule 18).
//!
//! The processes have real tails. There is one value, with a key and a tag, and one row of the
//! database. The properties are P1 and P2 for every write and every invalidation, and that an
//! undisturbed write is useful: its value is stored and served.

mod scopes;
mod step;
mod world;
mod written;

use std::time::Duration;

use larder_core::invalidation::fault_injection::Rule;
use stateright::{Model, Property};

use crate::exploration::{Exploration, explore};

pub use scopes::{WriteBudget, WriteModel, harmless, large, misreadings, small};
pub use step::Step;
pub use world::{Entry, Invalidation, Operation, Process, Progress, RequiredChanges, Stored, WriteWorld};

/// The bound on staleness, in ticks.
pub const STALENESS: u64 = 1;

/// A reading of rule 18. The names describe the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum WriteReading {
    /// The intended reading.
    Right,
    /// Rule 18, broken inside of `larder-core`.
    Inside(Rule),
    /// The value is stored under the position from before the write.
    StoredUnderItsBeginning,
    /// The value is stored under its own event, whatever lies before that.
    IntervalIsIgnored,
    /// Only events that name the key are looked for in the interval.
    OnlyTheKeyCounts,
    /// The value gets the local number of the moment at which it is stored.
    LocalNumberAtTheEnd,
    /// The ids of two incarnations are compared.
    IncarnationsAreCompared,
    /// The position is taken after the write has read what its value shows, before the commit.
    BeginsAfterTheRead,
    /// The position is taken after the commit.
    BeginsAfterTheCommit,
    /// The value is stored although the tail has left the incarnation of its event.
    TailMayBeElsewhere,
    /// The value is stored as soon as its event is appended.
    StoredWhenAppended,
    /// The value is stored under the position that the tail has reached.
    StoredUnderTheTail,
    /// The event of the write shares its entry with other events of the process.
    EntryIsShared,
    /// The event of the write is soft.
    EventIsSoft,
    /// A write that fails after its commit appends nothing.
    FailureAppendsNothing,
    /// The value counts as filled when it is stored (rule 10).
    CountsAsFilled,
    /// The value counts as filled when its write began (rule 10).
    CountsAsFilledAtItsBeginning,
    /// The value of a deferred write is stored in memory, under its own local number.
    DeferredIsStored,
    /// The value of a deferred write is stored under its entry when that is appended at last.
    FlushedIsStored,
}

impl WriteModel {
    fn is_wrong(&self, reading: WriteReading) -> bool {
        self.reading == reading
    }
}

impl Model for WriteModel {
    type State = WriteWorld;
    type Action = Step;

    fn init_states(&self) -> Vec<WriteWorld> {
        vec![WriteWorld::new(self)]
    }

    fn actions(&self, world: &WriteWorld, steps: &mut Vec<Step>) {
        Step::all(self, world, steps);
    }

    fn next_state(&self, world: &WriteWorld, step: Step) -> Option<WriteWorld> {
        let mut next = world.clone();
        next.take(step, self)?;
        next.make_canonical(self);
        // A step that changes nothing is no step.
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // With two properties, the exploration would go on for a while after it has found one.
        vec![Property::<Self>::always("every promise is kept", |_, world| world.broken().is_none())]
    }
}

/// The result of an exploration of this model.
pub type WriteReport = Exploration<WritePromise, Step>;

/// A promise of the model of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum WritePromise {
    /// No older value is served on the process that wrote or invalidated.
    P1,
    /// No older value is served anywhere, somewhat later.
    P2,
    /// The value of an undisturbed write is stored and served.
    Useful,
}

/// Explores at most this many states of the model.
#[must_use]
pub fn check_writes(model: WriteModel, most: usize, threads: usize) -> WriteReport {
    explore(model, most, threads, WriteWorld::broken)
}

/// Returns the duration of this many ticks.
const fn ticks(number: u64) -> Duration {
    Duration::from_millis(number)
}
