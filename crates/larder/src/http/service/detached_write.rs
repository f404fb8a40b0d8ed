//! Writes that run to their end even if their clients disconnect.

use std::future::{Future, pending};

use crate::engine::background::Background;
use crate::engine::coalesce::clients::Clients;
use crate::engine::detach::run_detached;

/// Runs a write in a task of its own, and returns its answer.
///
/// `work` gets the clients of the write. It returns `None` if the handler was cancelled: too many
/// handlers ran without a client.
pub(super) async fn run_write<T, F>(background: &Background, work: impl FnOnce(Clients) -> F) -> T
where
    F: Future<Output = Option<T>> + Send + 'static,
    T: Send + 'static,
{
    let clients = Clients::for_write();
    let _client = clients.guard();
    match run_detached(background, work(clients)).await {
        Some(answer) => answer,
        // The client has disconnected.
        None => pending().await,
    }
}

/// Waits for the handler of a write. Returns `None` if it is cancelled for want of a client.
pub(super) async fn await_handler<T>(
    background: &Background,
    clients: &Clients,
    response: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        answer = response => Some(answer),
        () = clients.wait_abandoned(background) => None,
    }
}
