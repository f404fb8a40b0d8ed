//! A third model: a cache in front of a service that has a cache, too. Both read one log.
//!
//! Until the service has read an invalidation, it may serve what was invalidated. The property is
//! that the cache in front keeps it no longer than it may (P2).

mod step;
mod world;

use stateright::{Checker, HasDiscoveries, Model, Property};

pub use step::Step;
pub use world::{Entry, GatewayWorld, Process, Stored};

/// The bound on staleness, in ticks.
pub const STALENESS: u64 = 2;

/// A reading of the rule. The names describe the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum GatewayReading {
    /// The intended reading.
    Right,
    /// The gateway stores each response under its own position.
    IgnoresThePosition,
    /// The gateway takes the position, but counts the response as its own fill (rule 10).
    CountsAsAFill,
    /// The gateway ignores a position of another incarnation.
    IgnoresOtherIncarnations,
}

impl GatewayReading {
    /// Every mistake.
    pub const MISTAKES: [Self; 3] =
        [Self::IgnoresThePosition, Self::CountsAsAFill, Self::IgnoresOtherIncarnations];
}

/// How often each step may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct GatewayBudget {
    /// Writes, each with its invalidation.
    pub writes: u8,
    /// Restarts of the log, which lose its entries.
    pub restarts: u8,
    /// Fills of both processes together.
    pub fills: u8,
    /// Polls.
    pub polls: u8,
}

/// One model to check.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)]
pub struct GatewayModel {
    /// How often each step may happen.
    pub budget: GatewayBudget,
    /// The number of ticks.
    pub ticks: u64,
    /// The reading of the rule.
    pub reading: GatewayReading,
}

impl Model for GatewayModel {
    type State = GatewayWorld;
    type Action = Step;

    fn init_states(&self) -> Vec<GatewayWorld> {
        vec![GatewayWorld::new(self.budget)]
    }

    fn actions(&self, _: &GatewayWorld, steps: &mut Vec<Step>) {
        steps.extend(Step::ALL);
    }

    fn next_state(&self, world: &GatewayWorld, step: Step) -> Option<GatewayWorld> {
        let mut next = world.clone();
        next.take(step, self.reading)?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("P2", |_, world| world.is_right())]
    }

    fn within_boundary(&self, world: &GatewayWorld) -> bool {
        world.now <= world::START + self.ticks
    }
}

/// Explores the model. Returns the number of states, and the steps to a violation.
#[must_use]
pub fn check_gateway(model: GatewayModel) -> (usize, Option<Vec<Step>>) {
    let checker = model.checker().finish_when(HasDiscoveries::Any).spawn_bfs().join();
    let path = checker.discoveries().into_values().next();
    let steps = path.map(|path| path.into_vec().into_iter().filter_map(|(_, step)| step).collect());
    (checker.unique_state_count(), steps)
}
