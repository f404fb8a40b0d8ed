//! The consent that a command needs before it writes to a server.

use crate::cli_error::CliError;
use crate::redis_link::values::text;
use crate::redis_link::{Link, target_is_local};
use crate::target::RedisTarget;

/// A server on another machine is only written to if the user says so.
pub(crate) fn require_consent(
    target: &RedisTarget,
    has_consent: bool,
    command: &str,
) -> Result<(), CliError> {
    if has_consent || target_is_local(target)? {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "`larder {command}` writes keys, and {} is not on this machine. With --yes, it does so: in a namespace of \
         its own, and it removes them again",
        target.shown_url()
    )))
}

/// Checks that the server has room for these bytes, so that nothing is evicted for them.
pub(crate) async fn check_room(link: &Link, bytes: u64) -> Result<(), CliError> {
    let Ok(info) = link.send(&["INFO", "memory"]).await else { return Ok(()) };
    let info = text(&info).unwrap_or_default();
    let number = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse::<u64>().ok())
    };
    match (number("maxmemory"), number("used_memory")) {
        (Some(max), Some(used)) if max > 0 && used.saturating_add(bytes) > max => {
            Err(CliError::failed(format!(
                "the server has no room for {bytes} bytes: {used} of its {max} bytes are in use, and it would evict keys"
            )))
        }
        _ => Ok(()),
    }
}
