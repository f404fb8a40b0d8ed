//! The state of the write queue, as this instance knows it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use larder_core::write_queue::DurabilityGap;
use serde::{Serialize, Serializer};

/// The state of the write queue of a cache, for its write-behind collections.
///
/// It follows from the settings of the store, which are read when a collection is built, and then
/// every minute. Of several collections, the one with the worst state counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WriteQueueState {
    /// The cache has no collection that needs a queue.
    Absent,
    /// The store has the durability that each collection requires.
    Durable,
    /// The settings of the store are not known, because it has not answered.
    Unknown,
    /// The store does not have the durability that a collection requires. Its writes fail.
    NotDurable(DurabilityGap),
}

impl WriteQueueState {
    /// Returns the word for the state, such as `durable`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Durable => "durable",
            Self::Unknown => "unknown",
            Self::NotDurable(_) => "not durable enough",
        }
    }

    /// Returns a number that is higher for a worse state.
    const fn severity(self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Durable => 1,
            Self::Unknown => 2,
            Self::NotDurable(_) => 3,
        }
    }
}

impl Serialize for WriteQueueState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for WriteQueueState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        if let Self::NotDurable(gap) = self { write!(f, ": {gap}") } else { Ok(()) }
    }
}

/// The state of the queue of each collection, by the name of the collection.
#[derive(Default)]
pub(crate) struct WriteQueueStates(Mutex<BTreeMap<Box<str>, WriteQueueState>>);

impl WriteQueueStates {
    /// Sets the state of a collection. Returns whether it was another one.
    pub(crate) fn set(&self, collection: &str, state: WriteQueueState) -> bool {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = match state {
            WriteQueueState::Absent => states.remove(collection),
            _ => states.insert(collection.into(), state),
        };
        last.unwrap_or(WriteQueueState::Absent) != state
    }

    /// Returns the worst state.
    pub(crate) fn worst(&self) -> WriteQueueState {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.values().copied().max_by_key(|state| state.severity()).unwrap_or(WriteQueueState::Absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_state_counts() {
        use WriteQueueState::{Absent, Durable, NotDurable, Unknown};
        let states = WriteQueueStates::default();
        assert_eq!(states.worst(), Absent);
        let evicts = NotDurable(DurabilityGap::Evicts);
        let steps = [
            ("cart", Unknown, Unknown),
            ("cart", Durable, Durable),
            ("draft", evicts, evicts),
            ("view", Unknown, evicts),
            ("draft", Durable, Unknown),
            ("view", Absent, Durable),
        ];
        for (collection, state, worst) in steps {
            assert!(states.set(collection, state), "{collection} was not {state}");
            assert!(!states.set(collection, state), "{collection} is {state} already");
            assert_eq!(states.worst(), worst, "{collection} is {state}");
        }
    }

    #[test]
    fn the_text_says_what_to_set() {
        let state = WriteQueueState::NotDurable(DurabilityGap::NoAppendOnlyFile);
        assert_eq!(
            state.to_string(),
            "not durable enough: the store has no append-only file: set appendonly yes"
        );
        assert_eq!(WriteQueueState::Durable.to_string(), "durable");
    }
}
