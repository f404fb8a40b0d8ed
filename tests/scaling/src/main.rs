//! Measures costs that grow with the invalidation log, with the number of instances, with the tags
//! of a response, and with the pending writes of write-behind.

mod fleet;
mod hits;
mod instance;
mod lag;
mod leases;
mod load;
mod pages;
mod process;
mod quantile;
mod queue;
mod rate;
mod redis;
mod replay;
mod starts;
mod tags;
mod valgrind;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

/// Measure the cost of a longer log, more instances, tags and pending writes, and print tables.
#[derive(Parser)]
#[command(name = "cargo xtask growth", bin_name = "cargo xtask growth")]
struct Args {
    /// The parts to measure, all by default.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// The numbers of invalidations in the replayed logs.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 10_000, 100_000, 1_000_000])]
    lengths: Vec<u64>,
    /// The numbers of instances that follow the log at once.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1, 4, 16])]
    instances: Vec<usize>,
    /// The numbers of instances that follow the log in processes of their own.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64])]
    processes: Vec<usize>,
    /// The number of instances that wait for one fill.
    #[arg(long, default_value_t = 200)]
    waiting: usize,
    /// The numbers of instances that start at the same time.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 20, 100])]
    starts: Vec<usize>,
    /// How long each number of instances is measured, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The number of pending writes in the queue.
    #[arg(long, default_value_t = 1_000_000)]
    pending: u64,
    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Replay,
    Rate,
    Pages,
    Fleet,
    Leases,
    Starts,
    Tags,
    Queue,
}

/// The modes in which this program starts itself.
#[derive(Subcommand)]
enum Child {
    /// An instance that replays a log.
    #[command(hide = true)]
    Replay(replay::Child),
    /// An instance that follows a log.
    #[command(hide = true)]
    Follow(fleet::Child),
    /// Hits for counting instructions.
    #[command(hide = true)]
    Hits(hits::Child),
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let _entered = runtime.enter();
    match &args.child {
        Some(Child::Replay(child)) => runtime.block_on(child.run()),
        Some(Child::Follow(child)) => runtime.block_on(child.run()),
        Some(Child::Hits(child)) => child.run(),
        None => args.measure(&runtime),
    }
}

impl Args {
    fn measure(&self, runtime: &tokio::runtime::Runtime) -> Result<()> {
        if self.wants(Part::Replay) {
            runtime.block_on(replay::table(&self.lengths))?;
        }
        if self.wants(Part::Rate) {
            runtime.block_on(rate::tables(&self.instances, Duration::from_secs(self.seconds)))?;
        }
        if self.wants(Part::Pages) {
            runtime.block_on(pages::table())?;
        }
        if self.wants(Part::Fleet) {
            runtime.block_on(fleet::tables(&self.processes, Duration::from_secs(self.seconds)))?;
        }
        if self.wants(Part::Leases) {
            runtime.block_on(leases::table(self.waiting))?;
        }
        if self.wants(Part::Starts) {
            runtime.block_on(starts::table(&self.starts))?;
        }
        if self.wants(Part::Tags) {
            tags::table()?;
        }
        if self.wants(Part::Queue) {
            runtime.block_on(queue::table(self.pending))?;
        }
        Ok(())
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
