//! `larder stats`.

use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::redis_target;

pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::stats(&redis, &context.output).await,
        Connection::Admin(_) => Err(CliError::failed("not written yet")),
    }
}
