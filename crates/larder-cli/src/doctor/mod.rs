//! `larder doctor` finds what is wrong with a Redis.
//!
//! | file or folder | what it does |
//! | --- | --- |
//! | `gather/` | asks the server for facts |
//! | `rules/` | the rules: pure functions from facts to findings |
//! | `facts.rs` | what is known about a server |
//! | `fields.rs` | named values that a server reports |
//! | `finding.rs` | a finding, and the list of all kinds |
//! | `key_name.rs` | the names of Larder's keys in Redis |
//! | `right.rs` | the rights that Larder needs, and commands that try them |
//! | `report.rs` | what is printed |

mod facts;
mod fields;
mod finding;
mod gather;
mod key_name;
mod report;
mod right;
mod rules;

use clap::Args;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::doctor::finding::Severity;
use crate::exit_code::ExitCode;

/// The arguments of `larder doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    /// The URL of the Redis, without its password. Without it: `--url`, then REDIS_URL.
    #[arg(value_name = "REDIS_URL")]
    redis_url: Option<String>,

    /// Checks what write-behind needs, even if no write is queued yet.
    #[arg(long)]
    write_behind: bool,
}

pub(crate) async fn run(args: DoctorArgs, context: &Context) -> Result<ExitCode, CliError> {
    let target = context.redis(args.redis_url.as_deref())?;
    context.output.note(&format!("Looking at {} …", target.shown_url()));
    let facts = gather::gather(&target, args.write_behind).await?;
    let diagnosis = rules::diagnose(&facts);
    report::print(&target, &facts, &diagnosis, &context.output)?;
    let needs_action = diagnosis.findings.iter().any(|finding| finding.severity <= Severity::Warning);
    Ok(if needs_action { ExitCode::Findings } else { ExitCode::Done })
}
