//! Exploring a model of promises until one of them is broken.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// The result of an exploration.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Exploration<P, A> {
    /// The number of distinct states.
    pub unique: usize,
    /// The number of steps on the longest of the shortest paths to a state.
    pub depth: usize,
    /// Whether all states were explored.
    pub is_exhausted: bool,
    /// A shortest path to a violation.
    pub violation: Option<Violation<P, A>>,
}

/// A path to a violation.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Violation<P, A> {
    /// The broken promise.
    pub broken: P,
    /// The steps.
    pub steps: Vec<A>,
}

/// Explores at most this many states of a model. `broken` returns the promise that a state breaks.
pub(crate) fn explore<M, P>(
    model: M,
    most: usize,
    threads: usize,
    broken: fn(&M::State) -> Option<P>,
) -> Exploration<P, M::Action>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync + 'static,
{
    let checker = model
        .checker()
        .threads(threads)
        .target_state_count(most)
        .finish_when(HasDiscoveries::Any)
        .spawn_bfs()
        .join();
    let violation = checker.discoveries().into_values().next().and_then(|path| {
        let path = path.into_vec();
        let broken = broken(&path.last()?.0)?;
        Some(Violation { broken, steps: path.into_iter().filter_map(|(_, step)| step).collect() })
    });
    Exploration {
        unique: checker.unique_state_count(),
        depth: checker.max_depth(),
        is_exhausted: violation.is_none() && checker.state_count() < most,
        violation,
    }
}
