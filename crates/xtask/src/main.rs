//! The commands of the repository. `cargo xtask --help` lists them.

mod alerts;
mod bench;
mod ci;
mod conformance;
mod costs;
mod debian;
mod fuzz;
mod library;
mod measure;
mod minimal;
mod msrv;
mod patterns;
mod prose;
mod redis;
mod release;
mod screenshots;
mod servers;
mod shell;
mod skip;
mod test;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The rules that `cfg(larder_broken)` can break.
const BROKEN_RULES: [&str; 3] = ["position-after-fill", "write-through-unchecked", "write-through-deferred"];

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The commands of the repository.")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test. Installs redis-server, Postgres and Chromium first if they are missing.
    Test {
        /// Arguments for `cargo test`, for example `-p larder-core`, or `--test http --
        /// --nocapture`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the tests that need Redis with newer servers: Redis 8 and Valkey 8, from Debian 13.
    Servers(servers::Options),
    /// Measure a hit, compared with a bare handler and the fastest published layer, and count its
    /// allocations.
    Bench {
        /// Arguments for `cargo bench`, for example the name of one benchmark.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Count the allocations and the instructions of a hit, and compare them with the table in the
    /// repository. Installs valgrind first if it is missing.
    Costs(costs::Options),
    /// Replay traces on the memory tier, on other caches and on an optimal oracle, and print their
    /// hit ratios; takes minutes.
    HitRatio {
        /// Arguments, for example `--only attack`, or `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check the guarantees with real processes, a real Redis and real faults; `-- --help` lists
    /// the options.
    Torture {
        /// Build with this rule broken, and fail unless the violation is found.
        #[arg(long, hide = true, value_parser = BROKEN_RULES)]
        broken: Option<String>,
        /// Arguments, for example `--instances 4 --seconds 60 --faults kill,failover --seed 7`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Explore the model of the invalidation log, and every misreading of its rules; takes minutes.
    Model {
        /// Arguments for the model: `--most STATES`, `--threads N`, `--only WORD`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the public tests for HTTP caches against the reverse proxy, in memory and with Redis;
    /// needs Node.js.
    Conformance {
        /// Arguments: `--failures`, `--store redis`, `--test ID`, or `--published` for the scores
        /// of other caches.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the fuzz targets; needs a nightly toolchain and cargo-fuzz.
    Fuzz(fuzz::Options),
    /// Measure the latency that clients see while Redis is killed, hangs, is full, and so on, and
    /// print a table.
    #[command(visible_alias = "fault-latency")]
    Faults {
        /// Arguments, for example `--faults stop,kill`, or `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure the cost of a longer log, more instances and more tags, and print tables.
    #[command(visible_alias = "scaling")]
    Growth {
        /// Arguments, for example `--only replay --lengths 1000000`, or `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the alerts and the queries of the dashboard in a real Prometheus that scrapes two shops
    /// with faults. Installs Prometheus first if it is missing.
    Alerts,
    /// Take screenshots of the console for the documentation: a shop under load, each page, both
    /// themes. Installs Chromium first if it is missing.
    Screenshots {
        /// Arguments, for example `--folder /tmp/pictures`, or `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure what each caching pattern costs in the demo on Postgres, and print tables.
    Patterns {
        /// Arguments, for example `--requests 1000 --delays 5ms`, or `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Count retired words and long lines in comments and Markdown. Fails if there are too many.
    Prose {
        /// Only reads files below these paths, for example `crates/larder-core/src/invalidation`.
        paths: Vec<String>,
    },
    /// Check that the library crates compile with the Rust version that they ask for.
    Msrv(msrv::Options),
    /// Check that the library crates compile with the lowest versions of their dependencies.
    Minimal(minimal::Options),
    /// Check that the library crates are ready to be published: order, versions, changelog,
    /// packages, API.
    Release(release::Options),
    /// Run the checks that a change must pass: format, prose, lints, docs, the lowest versions of
    /// Rust and of dependencies, the public cache tests, the costs of a hit, tests.
    Ci,
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Test { args } => test::run(&args),
        Task::Servers(options) => servers::run(&options),
        Task::Alerts => alerts::run(),
        Task::Bench { args } => bench::run(&args),
        Task::Costs(options) => costs::run(&options),
        Task::Conformance { args } => conformance::run(&args),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Faults { args } => measure::beside_redis("larder-fault-latency", &args),
        Task::Growth { args } => measure::beside_redis("larder-scaling", &args),
        Task::HitRatio { args } => measure::run("larder-hit-ratio", &args),
        Task::Model { args } => measure::run("larder-model", &args),
        Task::Patterns { args } => patterns::run(&args),
        Task::Screenshots { args } => screenshots::run(&args),
        Task::Prose { paths } => prose::run(&paths),
        Task::Torture { broken: None, args } => measure::beside_redis("larder-torture", &args),
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
