//! `cargo xtask ci`: what has to hold before a change lands.

use std::process::ExitCode;

use anyhow::Result;

use crate::{conformance, minimal, msrv, shell, test};

/// Stops at the first check that fails; the tests come last, so that their closing lines are the last that is printed.
pub(crate) fn run() -> Result<ExitCode> {
    shell::must(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    shell::must(shell::cargo(&CLIPPY).args(DENY_WARNINGS))?;
    shell::must(shell::cargo(&DOC).env("RUSTDOCFLAGS", "-D warnings"))?;
    msrv::run(&msrv::Options::default())?;
    minimal::run(&minimal::Options::default())?;
    conformance::must_if_possible()?;
    test::run(&["--locked", "--no-fail-fast"].map(String::from))
}

/// The whole workspace: the default members and the benchmarks.
const CLIPPY: [&str; 5] = ["clippy", "--locked", "--workspace", "--all-targets", "--all-features"];
const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];
const DOC: [&str; 4] = ["doc", "--locked", "--no-deps", "--all-features"];
