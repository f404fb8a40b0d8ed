//! Ctrl-C, after which there is still something to remove.

use std::future::Future;

use crate::cli_error::CliError;

/// Runs the work until it ends, or until the user ends it. Then there is no result.
pub(crate) async fn until_interrupted<T>(
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<Option<T>, CliError> {
    tokio::select! {
        result = work => result.map(Some),
        () = interrupted() => Ok(None),
    }
}

/// Completes on Ctrl-C, and when the process is asked to end.
#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return wait_for_ctrl_c().await;
    };
    tokio::select! {
        () = wait_for_ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    wait_for_ctrl_c().await;
}

async fn wait_for_ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler, Ctrl-C ends the program at once, and the keys expire.
        std::future::pending::<()>().await;
    }
}
