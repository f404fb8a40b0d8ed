//! `cargo xtask patterns`: what each caching pattern costs in the demo.

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// Builds the benchmark of the demo in release mode, and runs it with Redis and Postgres available.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    redis::ensure_postgres()?;
    let mut bench = shell::cargo(&[
        "bench",
        "--profile",
        "release",
        "--quiet",
        "--locked",
        "--package",
        "shop",
        "--bench",
        "patterns",
    ]);
    Ok(shell::exit_code(shell::run(bench.arg("--").args(args))?))
}
