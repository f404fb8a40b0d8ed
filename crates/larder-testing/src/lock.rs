//! Locking that does not mind a panic elsewhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the mutex guards. A test that panicked while it held it has failed already; the others go on.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
