//! Script calls for the invalidation log.

use std::sync::Arc;

use fred::types::Value;
use larder_core::store::StoreErrorKind;

use crate::connection::Connection;
use crate::patience::{Waited, backstop, wait_within};
use crate::reply;
use crate::script::Script;
use crate::timeouts::LOG_TIMEOUT;

/// Runs a script within the time limit of the log.
///
/// If it was not answered in time, though this process ran, the connection is renewed.
pub(crate) async fn run_on_log(
    link: &Arc<Connection>,
    script: &Script,
    keys: &[&str],
    arguments: &[Value],
) -> Waited<Value> {
    let run = script.run(link, backstop(LOG_TIMEOUT), keys, arguments);
    let waited = wait_within(LOG_TIMEOUT, run).await;
    let timed_out = waited.result.as_ref().is_err_and(|error| reply::kind(error) == StoreErrorKind::Timeout);
    if timed_out && !waited.wait.was_starved {
        link.reconnect();
    }
    waited
}
