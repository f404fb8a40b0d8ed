//! `cargo xtask test`: runs every test of the default members with real servers.

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// Runs the tests with all features, and exits like `cargo test`.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    redis::ensure_postgres()?;
    redis::ensure_browser()?;
    let status = shell::run(shell::cargo(&["test", "--all-features"]).args(args))?;
    Ok(shell::exit_code(status))
}
