//! `cargo xtask test`: every test of the default members, with a real redis-server.

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// Runs them with all features, and ends as `cargo test` does.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    let status = shell::show(shell::cargo(&["test", "--all-features"]).args(args))?;
    Ok(shell::exit_code(status))
}
