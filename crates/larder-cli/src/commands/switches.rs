//! `larder switches`, `larder disable` and `larder enable`.

use crate::arguments::{DisableArgs, EnableArgs};
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::redis_target;

pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::switches(&redis, &context.output).await,
        Connection::Admin(_) => Err(CliError::failed("not written yet")),
    }
}

pub(crate) async fn disable(args: &DisableArgs, context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::disable(&redis, args, &context.output).await,
        Connection::Admin(_) => Err(CliError::failed("not written yet")),
    }
}

pub(crate) async fn enable(args: &EnableArgs, context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::enable(&redis, args, &context.output).await,
        Connection::Admin(_) => Err(CliError::failed("not written yet")),
    }
}
