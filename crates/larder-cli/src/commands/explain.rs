//! `larder explain`.

use clap::Args;

use crate::arguments::HeaderArg;
use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;

/// The arguments of `larder explain`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    /// The URI, such as `/products/7?page=2`, or with its host.
    #[arg(value_name = "URL")]
    uri: String,

    /// A header field of the request, such as `Accept-Language: de`. A value `$NAME` is read from
    /// the environment.
    #[arg(long = "header", short = 'H', value_name = "FIELD")]
    headers: Vec<HeaderArg>,

    /// The method: GET or HEAD.
    #[arg(long, default_value = "GET")]
    method: String,
}

pub(crate) async fn run(_args: &ExplainArgs, context: &Context) -> Result<ExitCode, CliError> {
    let _admin = context.admin()?;
    Err(CliError::failed("not written yet"))
}
