//! `larder inspect`.

use crate::arguments::InspectArgs;
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::redis_target;

pub(crate) async fn run(args: &InspectArgs, context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::inspect(&redis, args, &context.output).await,
        Connection::Admin(_) => Err(CliError::failed("not written yet")),
    }
}
