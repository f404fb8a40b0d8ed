//! `larder warm`: requests pages, so that their responses are stored.
//!
//! | file or folder | what it does |
//! | --- | --- |
//! | `warm_args.rs` | the arguments |
//! | `sources/` | which pages: files, or the most requested ones of a cache |
//! | `top_keys.rs` | the most requested pages of a running cache |
//! | `warm_plan.rs` | the requests, by host |
//! | `warm_job.rs` | sends them inside the application, over its admin URL |
//! | `direct.rs` | sends them to the application itself |
//! | `direct_report.rs` | the replies |

mod direct;
mod direct_report;
mod sources;
mod top_keys;
mod warm_args;
mod warm_job;
mod warm_plan;

pub(crate) use crate::warm::warm_args::WarmArgs;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::warm::sources::{Collected, read_sources};
use crate::warm::warm_plan::WarmPlan;

pub(crate) async fn run(args: &WarmArgs, context: &Context) -> Result<ExitCode, CliError> {
    let admin = match &args.to {
        Some(_) if !args.from.is_empty() => None,
        _ => Some(context.admin()?),
    };
    let collected = match &admin {
        Some(admin) if args.from.is_empty() => top_keys::collect(admin, args.top_count()?).await?,
        _ => read(args.clone()).await?,
    };
    for note in collected.notes() {
        context.output.warn(&note);
    }
    let plan = WarmPlan::new(collected, args)?;
    match (&args.to, admin) {
        (None, Some(admin)) => warm_job::run(&admin, &plan, args, &context.output).await,
        (Some(to), _) => direct::run(to, plan, args, context).await,
        (None, None) => Err(CliError::usage("`larder warm` needs an admin URL, or `--to`")),
    }
}

/// Files are read on a thread of their own. The standard input may take any time.
async fn read(args: WarmArgs) -> Result<Collected, CliError> {
    tokio::select! {
        read = tokio::task::spawn_blocking(move || read_sources(&args.from, args.top, args.limit)) => {
            read.map_err(|error| CliError::failed(format!("the files cannot be read: {error}")))?
        }
        Ok(()) = tokio::signal::ctrl_c() => Err(CliError::interrupted()),
    }
}
