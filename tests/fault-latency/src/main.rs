//! Measures the latency that clients see while Redis has a fault. For each kind of fault, requests
//! are sent at a steady rate before, during and after it.

mod app;
mod fault;
mod load;
mod report;
mod trial;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use crate::app::Tiers;
use crate::fault::Fault;
use crate::load::Rate;
use crate::trial::Trial;

/// Measure the latency that clients see while Redis has a fault.
#[derive(Parser)]
#[command(name = "cargo xtask faults", bin_name = "cargo xtask faults")]
struct Args {
    /// The duration of each fault, and of the measurement before it.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    during: Duration,
    /// The number of requests per second.
    #[arg(long, default_value_t = 300)]
    rate: u32,
    /// The number of cached responses.
    #[arg(long, default_value_t = 10_000)]
    keys: u32,
    /// The kinds of faults, all by default.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Fault>,
    /// Where responses are stored; one after the other by default.
    #[arg(long)]
    tiers: Option<Tiers>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let faults = if args.faults.is_empty() { Fault::value_variants() } else { &args.faults };
    let tiers = args.tiers.map_or_else(|| Tiers::value_variants().to_vec(), |tiers| vec![tiers]);
    let trial = Trial { during: args.during, rate: Rate { per_second: args.rate, keys: args.keys } };
    let mut all_within_bounds = true;
    for tiers in tiers {
        println!("{}\n\n{}", tiers.title(), report::HEAD);
        for fault in faults {
            let outcome = trial.run(*fault, tiers).await?;
            println!("{}", report::row(*fault, &outcome));
            all_within_bounds &= outcome.is_within_bounds();
        }
        println!();
    }
    Ok(if all_within_bounds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
