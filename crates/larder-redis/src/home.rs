//! The runtime on which the tasks of a store run.

use std::sync::{PoisonError, RwLock};

use tokio::runtime::Handle;

/// The runtime on which the tasks of a store run.
///
/// It may end before the store does, if the store is in a `static`. The store then moves to the
/// runtime that uses it next.
#[derive(Debug)]
pub(crate) struct Home(RwLock<Handle>);

impl Home {
    pub(crate) const fn new(runtime: Handle) -> Self {
        Self(RwLock::new(runtime))
    }

    /// Returns the runtime.
    pub(crate) fn runtime(&self) -> Handle {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves to this runtime.
    pub(crate) fn move_to(&self, runtime: Handle) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = runtime;
    }
}
