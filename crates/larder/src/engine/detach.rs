//! Work that goes on after the client that started it has left.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::engine::background::Background;

/// Runs `work` to its end, even if this future is dropped after its first poll.
pub(crate) async fn run_detached<T: Send + 'static>(
    background: &Background,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    join_or_resume_panic(background.spawn(work.in_current_span())).await
}

/// Waits for a task and returns its output.
///
/// A panic of the task is resumed here, as if there were no task in between. So a layer outside of
/// the cache that catches panics can catch this one too.
pub(crate) async fn join_or_resume_panic<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is shutting down, and this task ends with it.
        Err(_) => std::future::pending().await,
    }
}
