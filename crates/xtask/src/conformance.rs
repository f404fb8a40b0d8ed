//! `cargo xtask conformance`: the public tests for HTTP caches, against the reverse proxy.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result, bail};

use crate::{redis, shell};

/// Builds the proxy and what runs the suite, and runs it.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    Ok(shell::exit_code(start(args)?))
}

/// As [`run`], where a machine that has no Node.js, or cannot be given the suite, is no failure: it
/// says so, and that is all.
pub(crate) fn must_if_possible() -> Result<()> {
    let status = start(&[])?;
    if !status.success() && status.code() != Some(NOT_RUN) {
        bail!("the public cache tests are not passed as tests/conformance/exceptions.txt has it");
    }
    Ok(())
}

/// How the program ends where the suite cannot be had.
const NOT_RUN: i32 = 4;

fn start(args: &[String]) -> Result<ExitStatus> {
    redis::ensure()?;
    // In one command, so that both are built on the same dependencies.
    shell::must(&mut shell::cargo(&BUILD))?;
    let ours = env::current_exe().context("cannot tell where this program is")?;
    // Every program of the workspace is built into one folder; ours was, too.
    let program =
        ours.with_file_name(Path::new("larder-conformance").with_extension(env::consts::EXE_EXTENSION));
    shell::show(Command::new(program).args(args).current_dir(shell::root()))
}

const BUILD: [&str; 7] =
    ["build", "--quiet", "--locked", "--package", "reverse-proxy", "--package", "larder-conformance"];
