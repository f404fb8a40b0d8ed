//! `cargo xtask bench`: the cost of a hit compared with a bare handler and the fastest published
//! layer, and the effect of many simultaneous requests for one cold key.

mod callgrind;
mod counts;

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// Measures times first, then the counts, which do not depend on the load of the machine.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    shell::run_checked(shell::cargo(&["bench", "--package", "larder-bench"]).args(args))?;
    let allocated = counts::allocated()?;
    let instructions = callgrind::is_installed().then(|| callgrind::instructions(&allocated)).transpose()?;
    if instructions.is_none() {
        eprintln!("valgrind is not installed, so instructions are not counted");
    }
    println!("\n{}", counts::table(&allocated, instructions.as_deref()));
    redis::ensure()?;
    for program in ["value_hits", "redis_values", "redis_hits", "cold", "queue_writes"] {
        println!();
        shell::run_checked(&mut shell::cargo(&counts::program(program)))?;
    }
    Ok(ExitCode::SUCCESS)
}
