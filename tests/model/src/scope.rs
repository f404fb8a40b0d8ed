//! How much of everything there is.

use larder_core::log::tail::Limits;

use crate::reading::Reading;
use crate::what::{Named, What, hard};

/// How often each thing may happen. Looks, their answers and the passing of time are not bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Budget {
    /// Calls of `invalidate`.
    pub invalidations: u8,
    /// Invalidations elsewhere.
    pub elsewhere: u8,
    /// Runs of the handler.
    pub fills: u8,
    /// Runs of the handler elsewhere, whose responses get into the shared tier.
    pub others_fills: u8,
    /// Requests that ask the shared tier.
    pub gets: u8,
    /// Requests that join a flight.
    pub joins: u8,
    /// Answers to an append of deferred events that are lost.
    pub lost_answers: u8,
    /// Events that name nothing here.
    pub others: u8,
    /// Trimmings of the Stream.
    pub trims: u8,
    /// Losses of the log: failover, restart, restored backup, `FLUSHALL`, eviction, `DEL`.
    pub losses: u8,
    /// Failovers in which the old primary goes on in a part of the network.
    pub isolations: u8,
    /// Restarts of an instance.
    pub restarts: u8,
    /// Marks that looks leave beside the Stream.
    pub marks: u8,
}

/// One model to check.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)]
pub struct Scope {
    /// What it is about.
    pub name: &'static str,
    /// Processes.
    pub instances: usize,
    /// How many of them invalidate.
    pub invalidators: usize,
    /// Keys in use.
    pub keys: u8,
    /// In ticks.
    pub max_staleness: u64,
    /// What may be invalidated.
    pub whats: Vec<What>,
    /// How often each thing may happen.
    pub budget: Budget,
    /// No deferred event is appended beyond this id: where two logs are believed at a time, there
    /// is no end to it.
    pub last_id: u8,
    /// Events in one look.
    pub count: usize,
    /// What a tail remembers.
    pub limits: Limits,
    /// Whether `min-replicas-to-write` is set.
    pub guarded: bool,
    /// Whether fills may validate, and be told 304 for what has changed.
    pub validates: bool,
    /// Whether requests carry the tokens of invalidations.
    pub tokens: bool,
    /// Whether hits remember that they found a response valid.
    pub remembers: bool,
    /// Whether the shared tier is a register kept by rule 16; otherwise it may answer with all that
    /// was ever sent to it.
    pub register: bool,
    /// Whether P3 is checked, from every state.
    pub recovers: bool,
    /// How the rules are read.
    pub reading: Reading,
}

impl Scope {
    /// One process among others that are not looked at, and one key; an invalidation here and one
    /// elsewhere, a fill here and one elsewhere, a promotion; no faults.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            instances: 1,
            invalidators: 1,
            keys: 1,
            max_staleness: 1,
            whats: vec![hard(Named::Key(0))],
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

    /// This scope with another budget.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// This scope with the rules read in another way.
    #[must_use]
    pub fn reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }
}
