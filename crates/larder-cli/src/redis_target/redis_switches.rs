//! `larder disable`, `larder enable` and `larder switches` over Redis. They are for all instances.

use larder::fleet::Fleet;
use larder::{SwitchError, SwitchErrorKind, SwitchScope};
use serde_json::json;

use crate::arguments::{DisableArgs, EnableArgs, ScopeArgs};
use crate::cli_error::CliError;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::output::switch_table::{Switch, switch_table};
use crate::redis_target::connect::connect;
use crate::redis_target::operator::operator;
use crate::redis_target::redis_stats::{convert, in_json};
use crate::target::RedisTarget;

/// How often instances read the switches.
const NOTE: &str = "Each instance follows within 5 s.";

/// Switches the cache off on all instances.
pub(crate) async fn disable(
    redis: &RedisTarget,
    args: &DisableArgs,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let fleet = connect(redis).await?;
    fleet.bypass(scope(&args.scope), args.time, &operator()).await.map_err(|error| wrong(&error))?;
    print(&fleet, output).await?;
    output.note(NOTE);
    Ok(ExitCode::Done)
}

/// Ends a switch. A script learns from the exit code whether there was one.
pub(crate) async fn enable(
    redis: &RedisTarget,
    args: &EnableArgs,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let fleet = connect(redis).await?;
    let was_set = fleet.resume(&scope(&args.scope), &operator()).await.map_err(|error| wrong(&error))?;
    if output.is_json() {
        let switches = fleet.switches().await.map_err(|error| wrong(&error))?;
        output.json(&json!({ "ended": was_set, "switches": in_json(&switches)? }))?;
    } else {
        output.line(if was_set { "switched on" } else { "this was not switched off" })?;
        print(&fleet, output).await?;
        output.note(NOTE);
    }
    Ok(if was_set { ExitCode::Done } else { ExitCode::Findings })
}

/// Prints the switches of all instances.
pub(crate) async fn switches(redis: &RedisTarget, output: &Output) -> Result<ExitCode, CliError> {
    print(&connect(redis).await?, output).await?;
    Ok(ExitCode::Done)
}

async fn print(fleet: &Fleet, output: &Output) -> Result<(), CliError> {
    let switches = fleet.switches().await.map_err(|error| wrong(&error))?;
    fleet.close().await;
    match switches.is_empty() {
        _ if output.is_json() => output.json(&in_json(&switches)?),
        true => output.line("nothing is switched off on all instances"),
        false => output.table(&switch_table(&convert::<Vec<Switch>>(&switches)?)),
    }
}

fn scope(args: &ScopeArgs) -> SwitchScope {
    match (&args.route, &args.class) {
        (Some(route), _) => SwitchScope::route(route.as_str()),
        (None, Some(class)) => SwitchScope::class(class.as_str()),
        (None, None) => SwitchScope::All,
    }
}

fn wrong(error: &SwitchError) -> CliError {
    match error.kind() {
        SwitchErrorKind::Store if error.to_string().contains("NOPERM") => {
            CliError::refused(error.to_string())
        }
        SwitchErrorKind::Store => CliError::unreachable(error.to_string()),
        SwitchErrorKind::Scope | SwitchErrorKind::Duration => CliError::usage(error.to_string()),
        _ => CliError::failed(error.to_string()),
    }
}
