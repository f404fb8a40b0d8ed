//! `cargo xtask ci`: the checks that a change must pass.

use std::process::ExitCode;

use anyhow::Result;

use crate::{conformance, costs, minimal, msrv, prose, shell, test};

/// Stops at the first failed check. The tests run last, so that their summary is the last output.
pub(crate) fn run() -> Result<ExitCode> {
    shell::run_checked(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    prose::run_checked()?;
    shell::run_checked(shell::cargo(&CLIPPY).args(DENY_WARNINGS))?;
    shell::run_checked(shell::cargo(&DOC).env("RUSTDOCFLAGS", "-D warnings"))?;
    msrv::run(&msrv::Options::default())?;
    minimal::run(&minimal::Options::default())?;
    conformance::run_if_possible()?;
    costs::check_if_possible()?;
    shell::run_checked(&mut shell::cargo(&HIT_RATIO))?;
    test::run(&["--locked", "--no-fail-fast"].map(String::from))
}

/// The whole workspace: the default members and the benchmarks.
const CLIPPY: [&str; 5] = ["clippy", "--locked", "--workspace", "--all-targets", "--all-features"];
const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];
const DOC: [&str; 4] = ["doc", "--locked", "--no-deps", "--all-features"];
/// The tests of hit ratios. They need published caches, so the package is not a default member.
const HIT_RATIO: [&str; 4] = ["test", "--locked", "--package", "larder-hit-ratio"];
