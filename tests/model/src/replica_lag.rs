//! A second, smaller model: handlers that read a database replica which lags by a bounded time.
//!
//! The processes have real tails, and clocks that differ from the log's. The property is that once
//! the lag has passed since an invalidation, a process that knows it serves no older row.

mod step;
mod world;

use std::time::Duration;

use stateright::{Checker, HasDiscoveries, Model, Property};

pub use step::Step;
pub use world::{Event, LagWorld, Process, Stored};

/// The lag of the replica, in ticks.
pub const LAG: u64 = 2;

/// A reading of the rule. The names describe the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum LagReading {
    /// The intended reading.
    Right,
    /// Responses keep their whole lifetime.
    NoLimit,
    /// A response from the shared tier has its whole lifetime.
    PromotedIsUnlimited,
    /// An event counts from the poll that brings it.
    CountsFromThePoll,
    /// The time that a poll takes is not part of the error.
    PollsTakeNoTime,
    /// Only the events that the fill's end knows beside its start are looked for.
    BeganAtTheEnd,
}

impl LagReading {
    /// Every mistake.
    pub const MISTAKES: [Self; 5] = [
        Self::NoLimit,
        Self::PromotedIsUnlimited,
        Self::CountsFromThePoll,
        Self::PollsTakeNoTime,
        Self::BeganAtTheEnd,
    ];
}

/// How often each step may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct LagBudget {
    /// Writes, each with its invalidation.
    pub writes: u8,
    /// Writes whose invalidation is deferred.
    pub deferred: u8,
    /// Runs of the handler.
    pub fills: u8,
    /// Responses that are read from the shared tier.
    pub gets: u8,
    /// Polls.
    pub polls: u8,
}

/// One model to check.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)]
pub struct LagModel {
    /// The number of processes.
    pub processes: usize,
    /// How often each step may happen.
    pub budget: LagBudget,
    /// The number of ticks.
    pub ticks: u64,
    /// The reading of the rule.
    pub reading: LagReading,
}

impl Model for LagModel {
    type State = LagWorld;
    type Action = Step;

    fn init_states(&self) -> Vec<LagWorld> {
        vec![LagWorld::new(self.processes, self.budget)]
    }

    fn actions(&self, world: &LagWorld, steps: &mut Vec<Step>) {
        Step::all(world, steps);
    }

    fn next_state(&self, world: &LagWorld, step: Step) -> Option<LagWorld> {
        let mut next = world.clone();
        next.take(step, self.reading)?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("no older row is served", |_, world| world.is_right())]
    }

    fn within_boundary(&self, world: &LagWorld) -> bool {
        world.now <= world::START + self.ticks
    }
}

/// Explores the model. Returns the number of states, and the steps to a violation.
#[must_use]
pub fn check_lag(model: LagModel) -> (usize, Option<Vec<Step>>) {
    let checker = model.checker().finish_when(HasDiscoveries::Any).spawn_bfs().join();
    let path = checker.discoveries().into_values().next();
    let steps = path.map(|path| path.into_vec().into_iter().filter_map(|(_, step)| step).collect());
    (checker.unique_state_count(), steps)
}

/// Returns the duration of this many ticks.
const fn ticks(number: u64) -> Duration {
    Duration::from_millis(number)
}
