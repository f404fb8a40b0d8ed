//! x
use anyhow::Result;
use std::process::ExitCode;
pub(crate) fn run(_args: &[String]) -> Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
