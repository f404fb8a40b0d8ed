//! `cargo xtask bench`: what a hit costs, beside a bare handler and beside the fastest published
//! layer, and what many requests at once for one cold key do.

mod callgrind;
mod counts;

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// Times first, then what is counted and so does not depend on how busy the machine is.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    shell::must(shell::cargo(&["bench", "--package", "larder-bench"]).args(args))?;
    let allocated = counts::allocated()?;
    let instructions = callgrind::is_installed().then(|| callgrind::instructions(&allocated)).transpose()?;
    if instructions.is_none() {
        eprintln!("valgrind is not installed, so instructions are not counted");
    }
    println!("\n{}", counts::table(&allocated, instructions.as_deref()));
    redis::ensure()?;
    for program in ["redis_hits", "cold"] {
        println!();
        shell::must(&mut shell::cargo(&counts::program(program)))?;
    }
    Ok(ExitCode::SUCCESS)
}
