//! The size of a model.

use larder_core::invalidation::tail::Limits;

use crate::reading::Reading;
use crate::target::{Selection, Target, hard};

/// How often each action may happen. Polls, their answers and ticks are unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Budget {
    /// Calls of `invalidate`.
    pub invalidations: u8,
    /// Invalidations by other processes.
    pub elsewhere: u8,
    /// Runs of the handler.
    pub fills: u8,
    /// Runs of the handler in other processes, with responses in the shared tier.
    pub others_fills: u8,
    /// Requests that ask the shared tier.
    pub gets: u8,
    /// Requests that join a flight.
    pub joins: u8,
    /// Lost replies to an append of deferred events.
    pub lost_answers: u8,
    /// Events that name nothing here.
    pub others: u8,
    /// Trimmings of the Stream.
    pub trims: u8,
    /// Losses of the log: failover, restart, restored backup, `FLUSHALL`, eviction, `DEL`.
    pub losses: u8,
    /// Failovers in which the old primary keeps running in a part of the network.
    pub isolations: u8,
    /// Restarts of an instance.
    pub restarts: u8,
    /// Checkpoints that polls leave beside the Stream.
    pub marks: u8,
    /// Invalidations by programs in other languages, which append without a script.
    pub foreign: u8,
    /// Losses of the Stream alone, in which such a program creates it again.
    pub recreations: u8,
}

impl Budget {
    /// Returns how many invalidations may still come.
    #[must_use]
    pub const fn of_invalidations(&self) -> u8 {
        self.invalidations + self.elsewhere + self.foreign
    }
}

/// One model to check.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)]
pub struct Scope {
    /// The subject of the model.
    pub name: &'static str,
    /// The number of observed processes.
    pub instances: usize,
    /// The number of processes that invalidate.
    pub invalidators: usize,
    /// The number of keys.
    pub keys: u8,
    /// In ticks.
    pub max_staleness: u64,
    /// The possible invalidations.
    pub targets: Vec<Target>,
    /// How often each thing may happen.
    pub budget: Budget,
    /// The highest id at which deferred events are appended. Without it, two logs that are trusted
    /// in turns would never end.
    pub last_id: u8,
    /// The number of events in one poll.
    pub count: usize,
    /// The limits of a tail.
    pub limits: Limits,
    /// Whether `min-replicas-to-write` is set.
    pub guarded: bool,
    /// Whether fills may revalidate, and get an incorrect 304.
    pub validates: bool,
    /// Whether requests carry the tokens of invalidations.
    pub tokens: bool,
    /// Whether hits remember their verdict.
    pub remembers: bool,
    /// Whether the shared tier is a register with rule 16. Otherwise it may answer with everything
    /// that was ever sent to it.
    pub register: bool,
    /// Whether P3 is checked in every state.
    pub recovers: bool,
    /// The reading of the rules.
    pub reading: Reading,
}

impl Scope {
    /// Creates a scope with one observed process among others, one key, one invalidation and one
    /// fill on either side, one promotion, and no faults.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            instances: 1,
            invalidators: 1,
            keys: 1,
            max_staleness: 1,
            targets: vec![hard(Selection::Key(0))],
            budget: Budget {
                invalidations: 1,
                elsewhere: 1,
                fills: 1,
                others_fills: 1,
                gets: 1,
                ..Budget::default()
            },
            last_id: 7,
            count: 8,
            limits: Limits { rows: 8, globs: 1, outbox: 4 },
            guarded: true,
            validates: false,
            tokens: false,
            remembers: false,
            register: false,
            recovers: false,
            reading: Reading::Right,
        }
    }

    /// Changes this scope.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Changes the reading of the rules.
    #[must_use]
    pub fn reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }
}
