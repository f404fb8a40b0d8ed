//! `larder top`.

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::output::{Table, number, text, units};

/// The arguments of `larder top`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TopArgs {
    /// The figure that sorts the keys. With `--json`, all of them are printed.
    #[arg(long, value_enum, default_value_t = TopBy::Requests)]
    by: TopBy,

    /// The number of keys, at most 100.
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N")]
    count: usize,
}

/// The figure that sorts the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TopBy {
    /// The number of requests.
    Requests,
    /// The time that the handler took.
    Time,
    /// The bytes that were served.
    Bytes,
    /// The number of misses.
    Misses,
}

#[derive(Debug, Deserialize)]
struct TopKeys {
    requests: Vec<TopKey>,
    handler_micros: Vec<TopKey>,
    bytes: Vec<TopKey>,
    misses: Vec<TopKey>,
}

#[derive(Debug, Deserialize)]
struct TopKey {
    key: String,
    count: u64,
    error: u64,
}

pub(crate) async fn run(args: &TopArgs, context: &Context) -> Result<ExitCode, CliError> {
    let answer = context.admin()?.get("top-keys").await?;
    if context.output.is_json() {
        context.output.json(&answer)?;
        return Ok(ExitCode::Done);
    }
    let top: TopKeys = answer.read()?;
    let (keys, what, unit): (_, _, fn(u64) -> String) = match args.by {
        TopBy::Requests => (top.requests, "requests", units::count),
        TopBy::Time => (top.handler_micros, "handler time", micros),
        TopBy::Bytes => (top.bytes, "bytes", units::bytes),
        TopBy::Misses => (top.misses, "misses", units::count),
    };
    let mut table = Table::new([number(what), number("too high by"), text("key")]);
    for TopKey { key, count, error } in keys.into_iter().take(args.count) {
        table.row([unit(count), unit(error), key]);
    }
    context.output.table(&table)?;
    Ok(ExitCode::Done)
}

fn micros(micros: u64) -> String {
    units::duration(std::time::Duration::from_micros(micros))
}
