//! `larder purge`.

use std::io::{self, BufRead, IsTerminal, Write};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::AdminClient;
use crate::arguments::PurgeArgs;
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::output::{Output, units};
use crate::redis_target;

#[derive(Debug, Deserialize)]
struct Purged {
    outcome: String,
    here: Preview,
    #[serde(default)]
    refill: Option<Refill>,
}

#[derive(Debug, Deserialize)]
struct Preview {
    responses: u64,
    values: u64,
    bytes: u64,
    already_invalidated: u64,
    keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Refill {
    job: Option<Job>,
    not_rebuilt: u64,
    left_out: u64,
}

#[derive(Debug, Deserialize)]
struct Job {
    job: u64,
    total: Option<u64>,
}

pub(crate) async fn run(args: &PurgeArgs, context: &Context) -> Result<ExitCode, CliError> {
    let connection = context.connection()?;
    if args.selectors.all && !args.dry_run && !args.yes {
        confirm_everything(&context.output)?;
    }
    match connection {
        Connection::Redis(_) if args.refill > 0 => Err(CliError::usage(
            "`--refill` is not available over Redis: only an application can fill its responses",
        )),
        Connection::Redis(redis) => redis_target::purge(&redis, args, &context.output).await,
        Connection::Admin(admin) => purge(&admin, args, &context.output).await,
    }
}

/// A purge of everything makes each request a miss, so it is confirmed.
fn confirm_everything(output: &Output) -> Result<(), CliError> {
    if output.is_json() || !io::stdin().is_terminal() {
        return Err(CliError::usage("`--all` purges everything, and needs `--yes`"));
    }
    let mut error = io::stderr().lock();
    let asked =
        write!(error, "Purge everything? Each request will be a miss. [y/N] ").and_then(|()| error.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    match read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        true => Ok(()),
        false => Err(CliError::usage("nothing was purged")),
    }
}

async fn purge(admin: &AdminClient, args: &PurgeArgs, output: &Output) -> Result<ExitCode, CliError> {
    let answer = admin.post("purge", &body(args)).await?;
    let purged: Purged = answer.read()?;
    match output.is_json() {
        true => output.json(&answer)?,
        false => print(&purged, output)?,
    }
    let is_empty = purged.here.responses == 0 && purged.here.values == 0;
    Ok(match &*purged.outcome {
        "deferred" => ExitCode::Deferred,
        "dry-run" if is_empty => ExitCode::Findings,
        _ => ExitCode::Done,
    })
}

/// Returns the purge in the form of the admin API.
fn body(args: &PurgeArgs) -> Value {
    let selectors = &args.selectors;
    json!({
        "tags": selectors.tags,
        "keys": selectors.keys,
        "uris": selectors.uris,
        "prefixes": selectors.prefixes,
        "globs": selectors.globs,
        "all": selectors.all,
        // It was confirmed here.
        "confirm": selectors.all.then_some("everything"),
        "soft": args.soft,
        "dry_run": args.dry_run,
        "refill": args.refill,
    })
}

fn print(purged: &Purged, output: &Output) -> Result<(), CliError> {
    let Preview { responses, values, bytes, already_invalidated, keys } = &purged.here;
    let here = format!(
        "{} responses and {} values in the memory of this instance, with {}",
        units::count(*responses),
        units::count(*values),
        units::bytes(*bytes)
    );
    match &*purged.outcome {
        "dry-run" => output.line(&format!("would reach {here}"))?,
        "deferred" => {
            output.line(&format!(
                "deferred: it holds on this instance, and on others once Redis is back; {here}"
            ))?;
        }
        _ => output.line(&format!("applied: {here}"))?,
    }
    if *already_invalidated > 0 {
        output.line(&format!("{} more were invalidated before", units::count(*already_invalidated)))?;
    }
    for key in keys {
        output.line(&format!("  {key}"))?;
    }
    match &purged.refill {
        Some(refill) => print_refill(refill, output),
        None => Ok(()),
    }
}

fn print_refill(refill: &Refill, output: &Output) -> Result<(), CliError> {
    let Refill { job, not_rebuilt, left_out } = refill;
    match job {
        Some(Job { job, total }) => {
            let total = total.map_or_else(String::new, |total| format!("{} ", units::count(total)));
            output.line(&format!("refill: job {job} fills {total}responses again"))?;
        }
        None => output.line("refill: too many jobs are running, so requests fill the responses")?,
    }
    for (number, what) in
        [(*not_rebuilt, "cannot be requested again"), (*left_out, "are over the number given")]
    {
        if number > 0 {
            output.line(&format!("refill: {} responses {what}", units::count(number)))?;
        }
    }
    Ok(())
}
