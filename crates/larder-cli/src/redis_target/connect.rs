//! Connects to Redis, as no instance of the cache.

use std::time::Duration;

use larder::fleet::Fleet;
use larder::store::{StoreError, StoreErrorKind};

use crate::cli_error::{CliError, CliErrorKind};
use crate::target::RedisTarget;

/// The maximum time for a command. It is longer than any answer of a server that is well.
const MAX_COMMAND_TIMEOUT: Duration = Duration::from_secs(1);
/// The words of a server that does not know the user, or does not let them do this.
const REFUSALS: [&str; 4] = ["NOPERM", "WRONGPASS", "NOAUTH", "ACL failure"];

/// Connects, and waits until Redis answers.
pub(super) async fn connect(redis: &RedisTarget) -> Result<Fleet, CliError> {
    let builder = redis.store_builder(redis.timeout.min(MAX_COMMAND_TIMEOUT)).schema(redis.schema);
    let store = builder.connect().map_err(|error| CliError::usage(error.to_string()))?;
    let fleet = Fleet::new(store);
    fleet.ready(redis.timeout).await.map_err(|error| failed(redis, &error))?;
    Ok(fleet)
}

/// Returns why a question to Redis failed.
pub(super) fn failed(redis: &RedisTarget, error: &StoreError) -> CliError {
    CliError::new(kind_of(error), format!("{}: {error}", redis.shown_url()))
}

pub(super) fn kind_of(error: &StoreError) -> CliErrorKind {
    let text = error.to_string();
    if REFUSALS.iter().any(|word| text.contains(word)) {
        return CliErrorKind::Refused;
    }
    match error.kind() {
        StoreErrorKind::Timeout | StoreErrorKind::Unreachable | StoreErrorKind::CircuitOpen => {
            CliErrorKind::Unreachable
        }
        _ => CliErrorKind::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_the_trouble() {
        for (kind, detail, expected) in [
            (StoreErrorKind::Timeout, "", CliErrorKind::Unreachable),
            (StoreErrorKind::Unreachable, "connection refused", CliErrorKind::Unreachable),
            (StoreErrorKind::Unreachable, "WRONGPASS invalid", CliErrorKind::Refused),
            (StoreErrorKind::Refused, "NOPERM no", CliErrorKind::Refused),
            (StoreErrorKind::Refused, "OOM command not allowed", CliErrorKind::Failed),
        ] {
            assert_eq!(kind_of(&StoreError::new(kind, detail)), expected, "{detail}");
        }
    }
}
