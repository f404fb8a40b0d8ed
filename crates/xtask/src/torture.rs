//! `cargo xtask torture --broken`: checks that torture finds a broken rule.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{redis, shell};

/// Runs torture on a build that breaks this rule of the log. Fails unless the violation is found.
pub(crate) fn run_broken(rule: &str, args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    // A separate target folder keeps the other builds, because the flag applies to every crate.
    let flag = format!("--cfg=larder_broken={rule:?}");
    // A debug build finds the violation as well, and compiles faster.
    let mut build = shell::cargo(&RUN);
    build.args(["--target-dir", "target/broken", "--", "--until-violation"]).args(args);
    match shell::run(build.env("RUSTFLAGS", flag))?.code() {
        Some(VIOLATION_FOUND) => Ok(ExitCode::SUCCESS),
        _ => bail!("torture did not find that {rule} breaks the promises"),
    }
}

const RUN: [&str; 4] = ["run", "--quiet", "--package", "larder-torture"];

/// The exit code of torture after a violation. It differs from that of a panic or an error.
const VIOLATION_FOUND: i32 = 3;
