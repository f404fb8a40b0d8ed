//! `cargo xtask costs`: the allocations, the bytes and the instructions of a hit in memory. They
//! are compared with the table in the repository.
//!
//! These counts do not depend on the load of the machine. They do depend on the compiler, the C
//! library and the processor, so only the same platform compares them.

mod callgrind;
mod counts;
mod measured;
mod platform;
mod record;

use std::process::ExitCode;

use anyhow::{Result, bail};

use self::counts::Cost;
use self::record::Record;
use crate::{redis, shell};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the counts to the table, instead of comparing them with it.
    #[arg(long)]
    write: bool,
    /// Compare hits with and without metrics instead: the recorder of Prometheus, and its counters.
    #[arg(long, conflicts_with = "write")]
    metrics: bool,
}

/// The table of the repository.
const TABLE: &str = "tests/hit-costs/costs.txt";

/// Counts all cases, and compares them with the table or writes it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if !redis::ensure_valgrind()? {
        bail!("install valgrind to count instructions");
    }
    if options.metrics {
        measured::compare()?;
    } else {
        compare(options.write)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(write: bool) -> Result<()> {
    let counted = Record { platform: platform::name()?, costs: count()? };
    println!("{}", counts::table(&counted.costs));
    let path = shell::root().join(TABLE);
    if write {
        std::fs::write(&path, counted.to_string())?;
        return Ok(());
    }
    let expected: Record = std::fs::read_to_string(&path)?.parse()?;
    if expected.platform != counted.platform {
        println!("not compared: {TABLE} has the counts of {}", expected.platform);
        return Ok(());
    }
    let differences = record::differences(&expected.costs, &counted.costs);
    if !differences.is_empty() {
        let differences = differences.join("\n");
        bail!("{TABLE} differs. If that is intended, run `cargo xtask costs --write`.\n{differences}");
    }
    Ok(())
}

/// Compares like [`run`]. If valgrind is not available, this prints a message and succeeds.
pub(crate) fn check_if_possible() -> Result<()> {
    if redis::ensure_valgrind()? {
        return compare(false);
    }
    eprintln!("skipped the costs of a hit: valgrind is not available here");
    Ok(())
}

/// Prints the counts. Without valgrind, they have no instructions.
pub(crate) fn print() -> Result<()> {
    println!("\n{}", counts::table(&count()?));
    Ok(())
}

fn count() -> Result<Vec<Cost>> {
    let mut costs = counts::allocated()?;
    if callgrind::is_installed() {
        callgrind::add_instructions(&mut costs)?;
    } else {
        eprintln!("valgrind is not installed, so instructions are not counted");
    }
    Ok(costs)
}
