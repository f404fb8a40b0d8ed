//! `larder bench`.

use clap::Args;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;

/// The arguments of `larder bench`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchArgs {
    /// The URL of the Redis, without its password. Without it: `--url`, then REDIS_URL.
    #[arg(value_name = "REDIS_URL")]
    redis_url: Option<String>,
}

pub(crate) async fn run(args: BenchArgs, context: &Context) -> Result<ExitCode, CliError> {
    let _redis = context.redis(args.redis_url.as_deref())?;
    Err(CliError::failed("this command does not exist yet"))
}
