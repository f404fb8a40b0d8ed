//! `cargo xtask screenshots`: pictures of the console for the documentation.

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// Starts a shop under load, and writes a picture of each page into `docs/images`.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    redis::ensure_browser()?;
    let mut program = shell::cargo(&["run", "--quiet", "--locked", "--package", "larder-browser", "--"]);
    Ok(shell::exit_code(shell::run(program.args(args))?))
}
