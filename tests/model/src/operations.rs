//! A sixth model: operations, which reach the database one by one.
//!
//! The queue is that of the scripts in Redis, with places, dead letters and the mark of a key in
//! quarantine. A sweep and a retry take one entry at a time. There is no cache in this model: an
//! operation is no value. The properties are that each operation takes effect exactly once, and in
//! order within its key.

mod queue;
mod scopes;
mod step;
mod world;

use stateright::{Model, Property};

use crate::exploration::{Exploration, explore};

pub use queue::{Entry, KeyQueue, Mark, OperationQueue};
pub use scopes::{
    OperationBudget, OperationModel, explore_operations, harmless, large, limits, misreadings, small,
};
pub use step::Step;
pub use world::{OperationWorld, Reader, Repeat, Row};

/// The number of keys.
pub const KEYS: usize = 2;

/// A reading of the rules for operations. The names describe the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum OperationReading {
    /// The intended reading.
    Right,
    /// The sink does not compare sequence numbers.
    NoFence,
    /// The sink compares sequence numbers of different keys.
    OneFenceForAllKeys,
    /// A sequence number is one more than the last one, whatever the time is.
    SequenceIsACounter,
    /// A push that is repeated is queued again.
    DuplicateIsQueued,
    /// A reader does not wait until what it has read is durable.
    FlushedBeforeItIsDurable,
    /// An operation is removed from the queue when it is read.
    CompletedBeforeTheCommit,
    /// A flush completes all operations of its key.
    CompletesTheKey,
    /// After a refused operation, the reader goes on with the rest of its batch.
    GoesOnAfterARefusal,
    /// The operations of a batch are flushed in any order.
    FlushesInAnyOrder,
    /// A later operation of a key in quarantine is read and flushed.
    LaterOnesAreNotHeld,
    /// A push goes to the queue, although the key is in quarantine.
    PushIsNotHeld,
    /// A retry moves operations while later ones of the key are in the queue.
    RetryDoesNotSweep,
    /// A retry sweeps one page, and then moves operations.
    RetrySweepsOnePage,
    /// A new quarantine of the key is not swept again.
    SweptStays,
    /// A retry moves the newest operation first.
    RetryInReverse,
    /// An operation that is retried has a new sequence number.
    RetryGetsANewNumber,
    /// A retry ends the quarantine of the key, although some operations are still there.
    RetryEndsTheQuarantine,
    /// Discarding one operation ends the quarantine of the key.
    DiscardEndsTheQuarantine,
    /// A reader without the right to read moves operations to the quarantine.
    AnyReaderQuarantines,
}

impl OperationModel {
    pub(super) fn is_wrong(&self, reading: OperationReading) -> bool {
        self.reading == reading
    }
}

impl Model for OperationModel {
    type State = OperationWorld;
    type Action = Step;

    fn init_states(&self) -> Vec<OperationWorld> {
        vec![OperationWorld::new(self.budget)]
    }

    fn actions(&self, world: &OperationWorld, steps: &mut Vec<Step>) {
        Step::all(self, world, steps);
    }

    fn next_state(&self, world: &OperationWorld, step: Step) -> Option<OperationWorld> {
        let mut next = world.clone();
        next.take(step, self)?;
        next.make_canonical();
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("every promise is kept", |_, world| world.broken().is_none())]
    }
}

/// The result of an exploration of this model.
pub type OperationReport = Exploration<OperationPromise, Step>;

/// A promise for operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum OperationPromise {
    /// An acknowledged operation has taken effect, or will.
    NothingIsLost,
    /// No operation takes effect twice.
    Once,
    /// The operations of a key take effect in order.
    InOrder,
}

/// Explores at most this many states of the model.
#[must_use]
pub fn check_operations(model: OperationModel, most: usize, threads: usize) -> OperationReport {
    explore(model, most, threads, OperationWorld::broken)
}
