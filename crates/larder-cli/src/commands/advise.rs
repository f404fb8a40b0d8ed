//! `larder advise`.

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;

pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    let _admin = context.admin()?;
    Err(CliError::failed("not written yet"))
}
