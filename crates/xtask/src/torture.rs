//! `cargo xtask torture --broken`: whether torture finds what is broken.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{redis, shell};

/// Runs torture on a build that breaks this rule of the log, and fails unless that is found.
pub(crate) fn run_broken(rule: &str, args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    // Beside the other builds, not instead of them: the flag is for everything that is compiled.
    let flag = format!("--cfg=larder_broken={rule:?}");
    // Not for speed: what is broken is found slowly too, and sooner than it is built.
    let mut build = shell::cargo(&RUN);
    build.args(["--target-dir", "target/broken", "--", "--until-violation"]).args(args);
    match shell::show(build.env("RUSTFLAGS", flag))?.code() {
        Some(FOUND) => Ok(ExitCode::SUCCESS),
        _ => bail!("nobody noticed that {rule} breaks the promises"),
    }
}

const RUN: [&str; 4] = ["run", "--quiet", "--package", "larder-torture"];

/// How torture ends when a promise was broken: not as a panic or an error does.
const FOUND: i32 = 3;
