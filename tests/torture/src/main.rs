//! The program of `cargo xtask torture`. `--help` lists its options.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use larder_torture::check::check;
use larder_torture::driver::{Driver, this_program};
use larder_torture::history::History;
use larder_torture::instance::broken::Rule;
use larder_torture::instance::{self, InstanceArgs};
use larder_torture::item::Family;
use larder_torture::plan::{FaultKind, Shape};
use larder_torture::report::report;

/// Tests Larder with real processes, a real Redis and real faults. Exits with 3 after a violation.
#[derive(Parser)]
#[command(name = "cargo xtask torture", args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    instance: Option<Instance>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Instance {
    /// Run one instance. The driver starts it.
    #[command(hide = true)]
    Instance(InstanceArgs),
}

#[derive(clap::Args)]
struct RunArgs {
    /// The number of instances, each a process.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    instances: u16,
    /// How long requests are sent, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The faults to inject, all by default; `none` for no faults.
    #[arg(long, value_delimiter = ',', value_enum)]
    faults: Option<Vec<FaultArg>>,
    /// The families to read and write, all by default.
    #[arg(long, value_delimiter = ',', value_enum)]
    families: Option<Vec<Family>>,
    /// The seed of requests and faults. Random by default.
    #[arg(long)]
    seed: Option<u64>,
    /// The number of reads per second, over all instances.
    #[arg(long, default_value_t = 300.0)]
    reads: f64,
    /// The number of writes per second, over all instances.
    #[arg(long, default_value_t = 20.0)]
    writes: f64,
    /// The bound of the instances, for example `1s` or `500ms`.
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration)]
    max_staleness: Duration,
    /// The file for the history, as JSON. By default it is written to a temporary file, and only
    /// after a violation.
    #[arg(long)]
    history: Option<PathBuf>,
    /// Break a rule in the instances.
    #[arg(long, hide = true)]
    breaks: Option<Rule>,
    /// Stop at the first violation.
    #[arg(long, hide = true)]
    until_violation: bool,
}

/// A kind of fault, or none.
#[derive(Debug, Clone, Copy)]
struct FaultArg(Option<FaultKind>);

impl clap::ValueEnum for FaultArg {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [FaultArg; 9] = {
            let mut all = [FaultArg(None); 9];
            let mut next = 0;
            while next < FaultKind::ALL.len() {
                all[next] = FaultArg(Some(FaultKind::ALL[next]));
                next += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.0.map_or("none", FaultKind::as_str).into())
    }
}

impl RunArgs {
    fn driver(&self) -> Result<Driver> {
        let faults = match &self.faults {
            None => FaultKind::ALL.to_vec(),
            Some(named) => named.iter().filter_map(|arg| arg.0).collect(),
        };
        let shape = Shape {
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
            time: Duration::from_secs(self.seconds),
            instances: self.instances.into(),
            reads: self.reads,
            writes: self.writes,
            families: self.families.clone().unwrap_or_else(|| Family::ALL.to_vec()),
            faults,
        };
        Ok(Driver {
            program: this_program()?,
            shape,
            max_staleness: self.max_staleness,
            breaks: self.breaks,
            until_violation: self.until_violation,
        })
    }

    /// Runs the driver and the checker. Returns `true` if every promise held.
    async fn run(&self) -> Result<bool> {
        let driver = self.driver()?;
        eprintln!("seed {}", driver.shape.seed);
        let outcome = driver.run().await?;
        let violations = check(&outcome.history);
        print!("{}", report(&driver.shape, &outcome, &violations));
        let held = violations.is_empty() && outcome.still_refusing.is_empty();
        let name = format!("larder-torture-{}.json", driver.shape.seed);
        let path = self.history.clone().or_else(|| (!held).then(|| std::env::temp_dir().join(name)));
        if let Some(path) = path {
            save(&outcome.history, &path)?;
            println!("the history is in {}", path.display());
        }
        Ok(held)
    }
}

fn save(history: &History, path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(serde_json::to_writer(BufWriter::new(file), history)?)
}

/// The exit code after a violation. It differs from that of an error or a panic.
const BROKEN: u8 = 3;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if let Some(Instance::Instance(args)) = args.instance {
        instance::serve(args).await?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if args.run.run().await? { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}
