//! The result of a write-through.

use std::fmt;
use std::sync::Arc;

use crate::engine::invalidation_log::invalidation::{DeferredError, InvalidationOutcome};

/// A value that was written to the database, and what became of it in the cache.
///
/// Returned by [`Values::write_through`](crate::values::Values::write_through) and
/// [`PendingWrite::finish`](crate::values::PendingWrite::finish).
#[must_use = "a deferred invalidation has not reached other instances: use `require_applied`, or `let _ =`"]
pub struct Written<V> {
    pub(super) value: Option<Arc<V>>,
    pub(super) invalidation: InvalidationOutcome,
    pub(super) is_cached: bool,
}

impl<V> Written<V> {
    /// Returns the value that was written. `None` if the write left no value, like a deletion.
    #[must_use]
    pub fn into_value(self) -> Option<Arc<V>> {
        self.value
    }

    /// Returns whether the old value is gone on other instances, too.
    pub const fn invalidation(&self) -> InvalidationOutcome {
        self.invalidation
    }

    /// Returns whether the cache has stored the value.
    ///
    /// It has not if another write or invalidation of the value overlapped with this one, or if the
    /// invalidation was deferred. The next request then loads the value.
    #[must_use]
    pub const fn is_cached(&self) -> bool {
        self.is_cached
    }

    /// Returns the value, unless other instances may still have the old one.
    ///
    /// # Errors
    ///
    /// Returns an error if the invalidation was
    /// [deferred](crate::InvalidationOutcome::Deferred). The write is committed even then.
    pub fn require_applied(self) -> Result<Option<Arc<V>>, DeferredError> {
        self.invalidation.require_applied().map(|()| self.value)
    }
}

impl<V: fmt::Debug> fmt::Debug for Written<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written")
            .field("value", &self.value)
            .field("invalidation", &self.invalidation)
            .field("is_cached", &self.is_cached)
            .finish()
    }
}
