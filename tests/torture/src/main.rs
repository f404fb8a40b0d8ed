//! The program of `cargo xtask torture`. `--help` lists its options.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};
use larder_torture::check::check;
use larder_torture::driver::{Driver, this_program};
use larder_torture::history::History;
use larder_torture::instance::broken::Rule;
use larder_torture::instance::{self, InstanceArgs};
use larder_torture::item::Family;
use larder_torture::plan::{FaultKind, QueueDurability, Shape};
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
    /// The faults to inject; `none` for no faults. By default all, and for queued writes all that
    /// their durability survives.
    #[arg(long, value_delimiter = ',', value_enum)]
    faults: Option<Vec<FaultArg>>,
    /// The families to read and write. By default all but `write-behind` and `operations`,
    /// which run without the others.
    #[arg(long, value_delimiter = ',', value_enum)]
    families: Option<Vec<Family>>,
    /// The condition that a queued write waits for.
    #[arg(long, value_enum, default_value = "fsync")]
    durability: QueueDurability,
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
        const ALL: [FaultArg; 11] = {
            let mut all = [FaultArg(None); 11];
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
        let families = self
            .families
            .clone()
            .unwrap_or_else(|| Family::ALL.into_iter().filter(|family| !family.is_queued()).collect());
        let queued = families.iter().filter(|family| family.is_queued()).count();
        ensure!(queued == 0 || queued == families.len(), "queued families run without the others");
        let durability = (queued > 0).then_some(self.durability);
        let survives = |kind: &FaultKind| durability.is_none_or(|durability| durability.survives(*kind));
        let faults = match &self.faults {
            None => FaultKind::ALL.into_iter().filter(survives).collect(),
            Some(named) => named.iter().filter_map(|arg| arg.0).collect::<Vec<_>>(),
        };
        let lethal = faults.iter().find(|kind| !survives(kind));
        ensure!(lethal.is_none(), "queued writes with this durability do not survive {lethal:?}");
        let shape = Shape {
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
            time: Duration::from_secs(self.seconds),
            instances: self.instances.into(),
            reads: self.reads,
            writes: self.writes,
            families,
            faults,
        };
        Ok(Driver {
            program: this_program()?,
            shape,
            max_staleness: self.max_staleness,
            durability,
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
        let held =
            violations.is_empty() && outcome.still_refusing.is_empty() && outcome.left_in_queue.is_none();
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
