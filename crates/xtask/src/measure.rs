//! Runs the programs that measure Larder and check its guarantees.

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// Builds the program of this package in release mode, and runs it with redis-server available.
pub(crate) fn beside_redis(package: &str, args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    run(package, args)
}

/// Builds the program of this package in release mode, and runs it.
pub(crate) fn run(package: &str, args: &[String]) -> Result<ExitCode> {
    let mut program = shell::cargo(&["run", "--quiet", "--release", "--locked", "--package", package, "--"]);
    Ok(shell::exit_code(shell::run(program.args(args))?))
}
