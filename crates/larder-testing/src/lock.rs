//! Locking that ignores a panic elsewhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks the mutex, even if a test panicked while it held the lock.
///
/// That test has failed already. The others continue.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
