//! Running a model.

use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use crate::action::Action;
use crate::protocol::Protocol;
use crate::scope::Scope;
use crate::world::{Promise, World};

/// What came of it.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Report {
    /// The model.
    pub scope: Scope,
    /// How many states were made.
    pub states: usize,
    /// How many different ones.
    pub unique: usize,
    /// Steps on the longest of the shortest ways to a state.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// Whether there was nothing left to explore.
    pub is_exhausted: bool,
    /// A shortest way to something that should not be.
    pub trace: Option<Trace>,
}

/// A way to something that should not be.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Trace {
    /// What was done.
    pub actions: Vec<Action>,
    /// Where that led.
    pub end: World,
    /// The promise that is broken there; `None` for P3.
    pub broken: Option<Promise>,
}

/// Explores the model, at most this many states, breadth first, so that what is found is as short
/// as can be.
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
