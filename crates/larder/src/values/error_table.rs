//! The errors of loads that are remembered for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::time::BootTime;

use crate::engine::fill_scope::UsedValue;
use crate::engine::invalidation_log::stamped::Stamped;
use crate::engine::invalidation_log::view::LogView;
use crate::values::load_error::SharedError;

/// The maximum number of errors. If there are more, those that are over go, or else all.
const CAPACITY: usize = 4_096;

/// The errors of the loads of one collection, by key.
///
/// An error is invalidated like a value: by its key, and by everything. It has no tags.
pub(super) struct ErrorTable<K> {
    errors: Mutex<HashMap<K, Arc<RememberedError>>>,
}

/// The error of a load that failed a moment ago.
pub(super) struct RememberedError {
    pub(super) error: SharedError,
    pub(super) until: BootTime,
    pub(super) names: Names,
    pub(super) position: Position,
    pub(super) filled_at: BootTime,
    pub(super) valid_at: AtomicU64,
}

impl<K> Default for ErrorTable<K> {
    fn default() -> Self {
        Self { errors: Mutex::default() }
    }
}

impl<K: Hash + Eq> ErrorTable<K> {
    /// Remembers an error.
    pub(super) fn insert(&self, key: K, error: RememberedError, now: BootTime) {
        let mut errors = self.errors();
        if errors.len() >= CAPACITY && !errors.contains_key(&key) {
            errors.retain(|_, error| now < error.until);
            if errors.len() >= CAPACITY {
                errors.clear();
            }
        }
        errors.insert(key, Arc::new(error));
    }

    /// Forgets the error of this key, after a load that succeeded.
    pub(super) fn remove(&self, key: &K) {
        self.errors().remove(key);
    }

    /// Returns the error of this key, unless its time is over or the log refuses it.
    pub(super) fn find(&self, key: &K, log: &LogView, now: BootTime) -> Option<Arc<RememberedError>> {
        let error = self.errors().get(key).filter(|error| now < error.until).cloned()?;
        (log.verdict(&*error, now) == (Verdict::Valid, true)).then_some(error)
    }

    fn errors(&self) -> MutexGuard<'_, HashMap<K, Arc<RememberedError>>> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RememberedError {
    /// Returns what this error allows the result of a fill that depends on it.
    pub(super) const fn used(&self) -> UsedValue {
        UsedValue { position: self.position, filled_at: Some(self.filled_at), fresh_until: Some(self.until) }
    }
}

impl Stamped for RememberedError {
    fn position(&self) -> &Position {
        &self.position
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn filled_at(&self) -> Option<BootTime> {
        Some(self.filled_at)
    }

    fn valid_at(&self) -> &AtomicU64 {
        &self.valid_at
    }
}
