//! `larder top`.

use clap::Args;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;

/// The arguments of `larder top`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TopArgs {
    /// The number of keys.
    #[arg(long, short = 'n', default_value_t = 20)]
    count: usize,
}

pub(crate) async fn run(_args: &TopArgs, context: &Context) -> Result<ExitCode, CliError> {
    let _admin = context.admin()?;
    Err(CliError::failed("not written yet"))
}
