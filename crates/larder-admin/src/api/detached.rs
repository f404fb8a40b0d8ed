//! Work that goes on after the client that started it has left.

use std::future::Future;
use std::panic::resume_unwind;

/// Runs `work` to its end, even if this future is dropped after its first poll.
///
/// A server drops a handler when its client leaves. A change must not take effect without its line
/// in the log.
pub(super) async fn run_to_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(value) => value,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // The runtime is shutting down, and this task ends with it.
        Err(_) => std::future::pending().await,
    }
}
