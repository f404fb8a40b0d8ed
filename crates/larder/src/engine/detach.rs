//! Work that goes on when the client that started it has left.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::engine::background::Background;

/// Runs `work` to its end, even if this future is dropped once it was polled.
pub(crate) async fn run_detached<T: Send + 'static>(
    background: &Background,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    join_or_resume_panic(background.spawn(work.in_current_span())).await
}

/// What a task came to. Its panic goes on here, as it would without a task between, so that whatever catches panics
/// outside of the cache does.
pub(crate) async fn join_or_resume_panic<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime shuts down, and this task with it.
        Err(_) => std::future::pending().await,
    }
}
