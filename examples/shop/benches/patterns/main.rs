//! Measures what each pattern costs in the shop on Postgres: `cargo xtask patterns`.
//!
//! It prints the tables of `docs/PATTERNS.md`. Postgres and Redis run on this machine and force
//! each write to the disk. One client sends one request at a time.

// A measurement that cannot go on may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

mod client;
mod row;
mod setup;
mod table;

#[path = "../../tests/support"]
mod support {
    pub(crate) mod postgres;
}

use std::time::Duration;

use clap::Parser;
use larder_testing::RedisServer;

use crate::row::Row;
use crate::setup::Setup;
use crate::support::postgres::Postgres;
use crate::table::Table;

/// How often each setup takes its turn. So a change of the machine's load reaches all of them.
const ROUNDS: u32 = 10;

/// Measure what each pattern costs in the shop on Postgres, and print tables.
#[derive(Parser)]
#[command(name = "cargo xtask patterns", bin_name = "cargo xtask patterns")]
struct Args {
    /// The number of requests for each cell of the tables, at most 10000.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    requests: u32,
    /// The delays of a query, a table for each.
    #[arg(
        long,
        value_delimiter = ',',
        default_values = ["0ms", "5ms"],
        value_parser = humantime::parse_duration,
    )]
    delays: Vec<Duration>,
    /// Cargo passes this to benchmarks.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let postgres = Postgres::start(&["fsync=on", "synchronous_commit=on"]);
    for (number, delay) in args.delays.iter().enumerate() {
        let redis = RedisServer::builder().config("appendonly yes").config("appendfsync always");
        let redis = redis.start().await.expect("redis-server starts");
        let mut setups = Setup::open_all(&postgres, &redis, &format!("delay{number}"), *delay).await;
        let before = load();
        let table = measure(&mut setups, args.requests).await;
        println!("Query delay {delay:?}; load of the machine {before} before and {} after:\n", load());
        println!("{table}");
    }
}

/// Measures all rows in all setups, in turns.
async fn measure(setups: &mut [Setup], requests: u32) -> Table {
    let mut table = Table::new(setups.iter().map(|setup| setup.name));
    let per_round = requests.div_ceil(ROUNDS);
    for round in 0..ROUNDS {
        for (column, setup) in setups.iter_mut().enumerate() {
            for request in 0..per_round {
                // Rows begin with 1. Each request has a product and a user of its own.
                let id = round * per_round + request + 1;
                for (row, time) in Row::measure_all(setup, id).await {
                    table.add(row, column, time);
                }
            }
        }
    }
    table
}

/// Returns the average number of running tasks in the last minute.
fn load() -> String {
    let loads = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').next().unwrap_or_default().to_owned()
}
