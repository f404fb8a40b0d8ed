//! The states of the circuit breakers of a store.

use std::fmt;

/// The state of a circuit breaker, which protects requests from a server that does not answer.
///
/// The states are in the order of their severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CircuitState {
    /// Calls go to the server.
    Closed,
    /// One call tries whether the server answers again. All others fail at once.
    Probing,
    /// All calls fail at once.
    Open,
}

impl CircuitState {
    /// Returns the word for the state, such as `open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Probing => "probing",
            Self::Open => "open",
        }
    }

    /// Returns the worst state of these circuits. Without any, all circuits are closed.
    #[must_use]
    pub fn worst(circuits: &[NodeCircuit]) -> Self {
        circuits.iter().map(|circuit| circuit.state).max().unwrap_or(Self::Closed)
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The circuit breaker of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NodeCircuit {
    /// The address of the server, such as `10.0.0.7:6379`. `None` if the store has one server.
    pub node: Option<String>,
    /// The state of its circuit.
    pub state: CircuitState,
}

impl NodeCircuit {
    /// Creates the circuit of a server. `node` is `None` if the store has one server.
    #[must_use]
    pub const fn new(node: Option<String>, state: CircuitState) -> Self {
        Self { node, state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_circuit_counts() {
        use CircuitState::{Closed, Open, Probing};
        let worst = |states: &[CircuitState]| {
            let circuits: Vec<_> = states.iter().map(|state| NodeCircuit::new(None, *state)).collect();
            CircuitState::worst(&circuits)
        };
        let cases: [(&[CircuitState], CircuitState); 4] =
            [(&[], Closed), (&[Closed, Probing], Probing), (&[Probing, Open], Open), (&[Open, Closed], Open)];
        for (states, expected) in cases {
            assert_eq!(worst(states), expected, "{states:?}");
        }
    }
}
