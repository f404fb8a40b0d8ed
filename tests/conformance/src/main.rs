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

/// How it ends where the suite cannot be had: not as one that was run and failed.
const NOT_RUN: u8 = 4;

/// Runs the public tests for HTTP caches against the reverse proxy, and fails if one that is not
/// excepted is not passed.
#[derive(Parser)]
#[command(name = "cargo xtask conformance", version)]
struct Args {
    /// Score what the suite has published of other caches, and run nothing.
    #[arg(long)]
    published: bool,
    /// Run this test alone, and show the requests and responses that it is about.
    #[arg(long, value_name = "ID", conflicts_with = "published")]
    test: Option<String>,
    /// Run with this store alone.
    #[arg(long, value_name = "STORE")]
    store: Option<run::Store>,
    /// Run the proxy without a switch, as it is by default, and compare with nothing.
    #[arg(long, conflicts_with_all = ["published", "test"])]
    defaults: bool,
    /// Print the verdict on every test that is not passed.
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
        None => report::judge(&suite, &stores, args.failures),
    }
}
