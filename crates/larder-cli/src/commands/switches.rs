//! `larder switches`, `larder disable` and `larder enable`.

use serde_json::json;

use crate::admin::{AdminClient, Answer};
use crate::arguments::{DisableArgs, EnableArgs};
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::output::switch_table::{Switch, switch_table};
use crate::redis_target;

pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::switches(&redis, &context.output).await,
        Connection::Admin(admin) => print(&admin.get("switches").await?, &context.output),
    }
}

pub(crate) async fn disable(args: &DisableArgs, context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::disable(&redis, args, &context.output).await,
        Connection::Admin(admin) => {
            let scope = args.scope.to_json();
            let body = json!({ "scope": scope, "seconds": args.time.as_secs(), "fleet": args.scope.fleet });
            print(&admin.post("switches", &body).await?, &context.output)
        }
    }
}

/// Prints the switches that hold now.
fn print(answer: &Answer, output: &Output) -> Result<ExitCode, CliError> {
    match output.is_json() {
        true => output.json(answer)?,
        false => print_switches(&answer.read::<Vec<Switch>>()?, output)?,
    }
    Ok(ExitCode::Done)
}

fn print_switches(switches: &[Switch], output: &Output) -> Result<(), CliError> {
    match switches {
        [] => output.line("nothing is switched off"),
        _ => output.table(&switch_table(switches)),
    }
}

pub(crate) async fn enable(args: &EnableArgs, context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::enable(&redis, args, &context.output).await,
        Connection::Admin(admin) => end(&admin, args, &context.output).await,
    }
}

/// Ends a switch. A script learns from the exit code whether there was one.
async fn end(admin: &AdminClient, args: &EnableArgs, output: &Output) -> Result<ExitCode, CliError> {
    #[derive(serde::Deserialize)]
    struct Ended {
        ended: bool,
        switches: Vec<Switch>,
    }

    let body = json!({ "scope": args.scope.to_json(), "fleet": args.scope.fleet });
    let answer = admin.delete("switches", Some(&body)).await?;
    let Ended { ended, switches } = answer.read()?;
    if output.is_json() {
        output.json(&answer)?;
    } else {
        output.line(if ended { "switched on" } else { "this was not switched off" })?;
        print_switches(&switches, output)?;
    }
    Ok(if ended { ExitCode::Done } else { ExitCode::Findings })
}
