//! The state of the shared store, as this instance knows it.

use std::fmt;

use serde::{Serialize, Serializer};

/// The state of the shared store of a cache.
///
/// It follows from the operations that this instance needed. Trouble counts as ended after a second
/// without failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreState {
    /// The cache has no shared store.
    Absent,
    /// The store has not answered yet.
    Connecting,
    /// The store answers.
    Working,
    /// The store can be reached, but it refuses some operations.
    ///
    /// For example, Redis is at its memory limit, or a permission is missing.
    Refusing,
    /// The store cannot be reached, or not in time.
    Unreachable,
    /// The cache was closed, and no longer uses its store.
    Closed,
}

impl StoreState {
    /// Returns the word for the state, such as `working`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Connecting => "connecting",
            Self::Working => "working",
            Self::Refusing => "refusing",
            Self::Unreachable => "unreachable",
            Self::Closed => "closed",
        }
    }
}

impl Serialize for StoreState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for StoreState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
