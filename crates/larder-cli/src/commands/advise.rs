//! `larder advise`.

use crate::admin::AdminClient;
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::output::advice_lines::{Advice, advice_lines, has_finding};
use crate::redis_target;

pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::advise(&redis, &context.output).await,
        Connection::Admin(admin) => advise(&admin, &context.output).await,
    }
}

/// Prints what the figures mean. The exit code says whether something should change.
async fn advise(admin: &AdminClient, output: &Output) -> Result<ExitCode, CliError> {
    let answer = admin.get("advice").await?;
    let all: Vec<Advice> = answer.read()?;
    match output.is_json() {
        true => output.json(&answer)?,
        false => print(&all, output)?,
    }
    Ok(if has_finding(&all) { ExitCode::Findings } else { ExitCode::Done })
}

fn print(all: &[Advice], output: &Output) -> Result<(), CliError> {
    if all.is_empty() {
        return output.line("Nothing to change. A finding needs enough requests as evidence.");
    }
    advice_lines(all, output).iter().try_for_each(|line| output.line(line))
}
