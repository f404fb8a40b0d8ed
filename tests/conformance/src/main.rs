//! Runs the public tests for HTTP caches against the reverse proxy, in memory and with Redis:
//! `cargo xtask conformance`.

mod exceptions;
mod install;
mod process;
mod report;
mod run;
mod score;
mod suite;

use std::process::ExitCode;

use clap::Parser;

use crate::install::Missing;

/// The exit code if the suite is not available. It differs from that of a failed run.
const NOT_RUN: u8 = 4;

/// Run the public tests for HTTP caches against the reverse proxy. Fails if a required test fails
/// that is not excepted.
#[derive(Parser)]
#[command(name = "cargo xtask conformance", version)]
struct Args {
    /// Score the published results of other caches, and run nothing.
    #[arg(long)]
    published: bool,
    /// Run only this test, and show its requests and responses.
    #[arg(long, value_name = "ID", conflicts_with = "published")]
    test: Option<String>,
    /// Run only with this store.
    #[arg(long, value_name = "STORE")]
    store: Option<run::Store>,
    /// Run the proxy with its default options, and compare with no list.
    #[arg(long, conflicts_with_all = ["published", "test"])]
    defaults: bool,
    /// Print the verdict on every failed test.
    #[arg(long)]
    failures: bool,
}

fn main() -> ExitCode {
    match start(&Args::parse()) {
        Ok(code) => code,
        Err(error) if error.is::<Missing>() => {
            eprintln!("not run: {error}");
            ExitCode::from(NOT_RUN)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> anyhow::Result<ExitCode> {
    let suite = install::suite()?;
    if args.published {
        report::published(&suite)?;
        return Ok(ExitCode::SUCCESS);
    }
    let stores = args.store.map_or_else(|| run::Store::ALL.to_vec(), |store| vec![store]);
    match &args.test {
        Some(id) => run::one(&suite, id, stores[0]),
        None if args.defaults => report::defaults(&suite, &stores),
        None => report::compare(&suite, &stores, args.failures),
    }
}
