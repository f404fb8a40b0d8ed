//! `larder warm`.

use clap::Args;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;

/// The arguments of `larder warm`.
#[derive(Debug, Clone, Args)]
pub(crate) struct WarmArgs {
    /// The most requested N.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
}

pub(crate) async fn run(_args: &WarmArgs, context: &Context) -> Result<ExitCode, CliError> {
    let _admin = context.admin()?;
    Err(CliError::failed("not written yet"))
}
