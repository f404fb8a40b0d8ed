//! `cargo xtask model`: the protocol of the invalidation log, checked exhaustively.

use std::process::ExitCode;

use anyhow::Result;

use crate::shell;

/// Runs the models in a release build, and ends with success if all holds and every misreading was found out.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let run = ["run", "--release", "--locked", "--package", "larder-model", "--"];
    let status = shell::show(shell::cargo(&run).args(args))?;
    Ok(shell::exit_code(status))
}
