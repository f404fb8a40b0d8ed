//! The commands of the repository: `cargo xtask --help` lists them.

mod bench;
mod ci;
mod conformance;
mod fuzz;
mod library;
mod minimal;
mod msrv;
mod proof;
mod redis;
mod release;
mod shell;
mod test;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The commands of the repository.")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs every test; installs redis-server first where there is none.
    Test {
        /// Passed on to `cargo test`, for example `-p larder-core`, or `--test race -- --nocapture`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Times a hit beside a bare handler and beside the fastest published layer, and counts what it allocates.
    Bench {
        /// Passed on to `cargo bench`, for example the name of one benchmark.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Proves the promises on real processes, a real Redis and real faults; `-- --help` lists what it takes.
    Torture {
        /// Builds it so that this rule is broken, and fails unless that is found.
        #[arg(long, hide = true, value_parser = ["position-after-fill"])]
        broken: Option<String>,
        /// Passed on, for example `--instances 4 --seconds 60 --faults kill,failover --seed 7`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Explores the model of the invalidation log, and every way to misread its rules; takes minutes.
    Model {
        /// Passed on to the model: `--most STATES`, `--threads N`, `--only WORD`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Runs the public tests for HTTP caches against the reverse proxy, in memory and with Redis; needs Node.js.
    Conformance {
        /// Passed on: `--failures`, `--store redis`, `--test ID`, or `--published` for what other caches have reached.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Runs the fuzz targets; needs a nightly toolchain and cargo-fuzz.
    Fuzz(fuzz::Options),
    /// Measures what clients see while Redis is killed, hangs, is full, lies …, and prints it as a table.
    Faults {
        /// Passed on, for example `--faults stop,kill`, or `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measures what a longer log, more instances and more tags cost, and prints it as tables.
    Growth {
        /// Passed on, for example `--only replay --lengths 1000000`, or `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Checks that the library crates compile with the Rust version that they ask for.
    Msrv(msrv::Options),
    /// Checks that the library crates compile with the lowest versions of their dependencies.
    Minimal(minimal::Options),
    /// Checks that the library crates are ready to be published: order, versions, changelog, packages, API.
    Release(release::Options),
    /// Checks all that has to hold before a change lands: format, lints, docs, the lowest versions of Rust and of
    /// dependencies, the public cache tests, tests.
    Ci,
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Test { args } => test::run(&args),
        Task::Bench { args } => bench::run(&args),
        Task::Conformance { args } => conformance::run(&args),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Faults { args } => proof::beside_redis("larder-faults", &args),
        Task::Growth { args } => proof::beside_redis("larder-growth", &args),
        Task::Model { args } => proof::run("larder-model", &args),
        Task::Torture { broken: None, args } => proof::beside_redis("larder-torture", &args),
        Task::Torture { broken: Some(rule), args } => torture::run_broken(&rule, &args),
        Task::Msrv(options) => msrv::run(&options),
        Task::Minimal(options) => minimal::run(&options),
        Task::Release(options) => release::run(&options),
        Task::Ci => ci::run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
