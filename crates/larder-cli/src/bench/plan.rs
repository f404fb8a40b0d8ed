//! The bounds of a measurement.

use std::time::Duration;

use crate::cli_error::CliError;

/// All keys together have at most so many bytes.
const MAX_BYTES: u64 = 64 << 20;

/// How long, how many, how large, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(super) time: Duration,
    pub(super) keys: u64,
    pub(super) bytes: u64,
    pub(super) tasks: u64,
}

impl Plan {
    pub(super) fn new(time: Duration, keys: u64, bytes: u64, tasks: u64) -> Result<Self, CliError> {
        let plan = Self { time, keys, bytes, tasks };
        match plan.bytes_of_all_keys() <= MAX_BYTES {
            true => Ok(plan),
            false => Err(CliError::usage(format!(
                "{keys} keys of {bytes} bytes are more than 64 MiB: use fewer keys, or shorter values"
            ))),
        }
    }

    pub(super) fn bytes_of_all_keys(&self) -> u64 {
        self.keys.saturating_mul(self.bytes)
    }

    /// Returns the limit of one command. With that of a cache, a busy machine would measure its
    /// handler.
    pub(super) const fn command_limit(&self) -> Duration {
        Duration::from_secs(5)
    }
}

pub(super) fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=60.0).contains(&seconds) { Ok(seconds) } else { Err("from 0.1 to 60".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_bytes_are_bounded_together() {
        let plan = |keys, bytes| Plan::new(Duration::from_secs(1), keys, bytes, 1);
        assert!(plan(64, 1 << 20).is_ok());
        assert!(plan(65, 1 << 20).is_err());
        for (text, expected) in
            [("0.1", true), ("60", true), ("0.09", false), ("61", false), ("NaN", false), ("x", false)]
        {
            assert_eq!(parse_seconds(text).is_ok(), expected, "{text}");
        }
    }
}
