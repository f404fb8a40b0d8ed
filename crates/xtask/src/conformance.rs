//! `cargo xtask conformance`: the public tests for HTTP caches, run against the reverse proxy.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result, bail};

use crate::{redis, shell};

/// Builds the proxy and the test runner, and starts the runner.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    Ok(shell::exit_code(start(args)?))
}

/// Runs the tests like [`run`]. If Node.js or the suite is not available, this prints a message and
/// succeeds.
pub(crate) fn run_if_possible() -> Result<()> {
    let status = start(&[])?;
    if !status.success() && status.code() != Some(NOT_RUN) {
        bail!("the public cache tests are not passed as tests/conformance/exceptions.txt has it");
    }
    Ok(())
}

/// The exit code of the program when the suite is not available.
const NOT_RUN: i32 = 4;

fn start(args: &[String]) -> Result<ExitStatus> {
    redis::ensure()?;
    // One command builds both with the same dependencies.
    shell::run_checked(&mut shell::cargo(&BUILD))?;
    let ours = env::current_exe().context("cannot determine the path of this program")?;
    // All programs of the workspace are built into one folder, including this one.
    let program =
        ours.with_file_name(Path::new("larder-conformance").with_extension(env::consts::EXE_EXTENSION));
    shell::run(Command::new(program).args(args).current_dir(shell::root()))
}

const BUILD: [&str; 7] =
    ["build", "--quiet", "--locked", "--package", "reverse-proxy", "--package", "larder-conformance"];
