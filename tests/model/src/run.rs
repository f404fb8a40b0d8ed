//! The exploration of a model.

use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use crate::action::Action;
use crate::protocol::Protocol;
use crate::scope::Scope;
use crate::world::{Promise, World};

/// The result of an exploration.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Report {
    /// The model.
    pub scope: Scope,
    /// The number of generated states.
    pub states: usize,
    /// The number of distinct states.
    pub unique: usize,
    /// The number of steps on the longest of the shortest paths to a state.
    pub depth: usize,
    /// The duration.
    pub took: Duration,
    /// Whether all states were explored.
    pub is_exhausted: bool,
    /// A shortest path to a violation.
    pub trace: Option<Trace>,
}

/// A path to a violation.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Trace {
    /// The actions.
    pub actions: Vec<Action>,
    /// The last state.
    pub end: World,
    /// The broken promise; `None` for P3.
    pub broken: Option<Promise>,
}

/// Explores at most this many states of the model, breadth first, so that a found trace is as short
/// as possible.
#[must_use]
pub fn check(scope: &Scope, most: usize, threads: usize) -> Report {
    let began = Instant::now();
    let checker = Protocol::of(scope.clone())
        .checker()
        .threads(threads)
        .target_state_count(most)
        .finish_when(HasDiscoveries::Any)
        .spawn_bfs()
        .join();
    let trace = checker.discoveries().into_values().next().map(|path| {
        let steps = path.into_vec();
        let end = steps.last().map(|(world, _)| world.clone());
        (steps.into_iter().filter_map(|(_, action)| action).collect(), end)
    });
    let trace = trace.and_then(|(actions, end)| {
        let end: World = end?;
        let broken = Protocol::of(scope.clone()).broken(&end);
        Some(Trace { actions, end, broken })
    });
    Report {
        scope: scope.clone(),
        states: checker.state_count(),
        unique: checker.unique_state_count(),
        depth: checker.max_depth(),
        took: began.elapsed(),
        is_exhausted: trace.is_none() && checker.state_count() < most,
        trace,
    }
}
