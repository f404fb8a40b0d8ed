//! The programs that measure and prove what Larder promises.

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// Builds the program of this package for speed, and runs it beside a Redis.
pub(crate) fn beside_redis(package: &str, args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    run(package, args)
}

/// Builds the program of this package for speed, and runs it.
pub(crate) fn run(package: &str, args: &[String]) -> Result<ExitCode> {
    let mut program = shell::cargo(&["run", "--quiet", "--release", "--locked", "--package", package, "--"]);
    Ok(shell::exit_code(shell::show(program.args(args))?))
}
