//! `larder size` says how much memory Redis needs.
//!
//! | file | what it does |
//! | --- | --- |
//! | `formula.rs` | the memory by the formula |
//! | `entry_sample.rs` | the sizes of the entries that are stored already |
//! | `measurement.rs` | the memory by measurement: writes a sample, and removes it |
//! | `size_report.rs` | what is printed |

mod entry_sample;
mod formula;
mod measurement;
mod size_report;

use std::time::Duration;

use clap::Args;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::scratch::{Shape, require_consent, until_interrupted};
use crate::size::formula::Needs;
use crate::size::size_report::Report;

const MAX_BODY: usize = 16 << 20;
const MAX_TAGS: usize = 1_000;

/// The arguments of `larder size`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SizeArgs {
    /// The URL of the Redis, without its password. Without it: `--url`, then REDIS_URL.
    #[arg(value_name = "REDIS_URL")]
    redis_url: Option<String>,

    /// The number of stored responses.
    #[arg(long, value_name = "N", required_unless_present_any = ["sample", "stored_per_second"])]
    entries: Option<u64>,

    /// The number of responses that are stored in a second. With `--ttl`, this gives the number of
    /// entries.
    #[arg(long, value_name = "N", requires = "ttl", conflicts_with_all = ["entries", "sample"])]
    stored_per_second: Option<u64>,

    /// The lifetime of the responses.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    ttl: Option<Duration>,

    /// The mean length of a body in bytes, up to 16 MiB.
    #[arg(long, value_name = "BYTES", default_value_t = 2048, value_parser = parse_body)]
    bytes: usize,

    /// The number of tags of a response, up to 1,000.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_tags)]
    tags: usize,

    /// The number of entries of the invalidation log (`RedisStoreBuilder::log_length`).
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    log: u64,

    /// The number of instances that share the Redis.
    #[arg(long, value_name = "N", default_value_t = 4)]
    instances: u64,

    /// Takes the number of entries and their sizes from what is stored in the namespace.
    #[arg(long, conflicts_with_all = ["entries", "bytes", "tags"])]
    sample: bool,

    /// Computes without a server, and measures nothing.
    #[arg(long, conflicts_with = "sample")]
    formula: bool,

    /// Writes the sample to a server on another machine, too.
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: SizeArgs, context: &Context) -> Result<ExitCode, CliError> {
    let report = match args.sample {
        true => from_sample(&args, context).await?,
        false => from_arguments(&args, context).await?,
    };
    match report {
        Some(report) => report.print(&context.output).map(|()| ExitCode::Done),
        None => Ok(ExitCode::Interrupted),
    }
}

async fn from_sample(args: &SizeArgs, context: &Context) -> Result<Option<Report>, CliError> {
    let target = context.redis(args.redis_url.as_deref())?;
    let work = entry_sample::take(&target);
    let Some(sample) = until_interrupted(work).await? else { return Ok(None) };
    let needs = Needs::of_sample(&sample, args.log, args.instances);
    Ok(Some(Report::of_sample(needs, &sample)))
}

async fn from_arguments(args: &SizeArgs, context: &Context) -> Result<Option<Report>, CliError> {
    let shape = Shape { body: args.bytes, tags: args.tags };
    let needs = Needs::of_shape(args.number_of_entries(), shape, args.log, args.instances);
    if args.formula {
        return Ok(Some(Report::of_formula(needs)));
    }
    let target = context.redis(args.redis_url.as_deref())?;
    require_consent(&target, args.yes, "size")?;
    let measured = measurement::measure(&target, shape, needs.entries, &context.output).await?;
    Ok(measured.map(|measured| Report::of_measurement(needs, measured)))
}

impl SizeArgs {
    /// Returns the number of entries. Those that are stored during one lifetime are there at once.
    fn number_of_entries(&self) -> u64 {
        match (self.entries, self.stored_per_second, self.ttl) {
            (Some(entries), _, _) => entries,
            (None, Some(rate), Some(ttl)) => rate.saturating_mul(ttl.as_secs().max(1)),
            _ => 0,
        }
    }
}

fn parse_body(text: &str) -> Result<usize, String> {
    parse_up_to(text, MAX_BODY)
}

fn parse_tags(text: &str) -> Result<usize, String> {
    parse_up_to(text, MAX_TAGS)
}

fn parse_up_to(text: &str, most: usize) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a whole number".to_owned())?;
    if number <= most { Ok(number) } else { Err(format!("at most {most}")) }
}
