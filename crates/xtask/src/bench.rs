//! `cargo xtask bench`: the cost of a hit compared with a bare handler and the fastest published
//! layer, and the effect of many simultaneous requests for one cold key.

use std::process::ExitCode;

use anyhow::Result;

use crate::{costs, redis, shell};

/// Measures times first, then the counts, which do not depend on the load of the machine.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    shell::run_checked(shell::cargo(&["bench", "--package", "larder-bench"]).args(args))?;
    costs::print()?;
    redis::ensure()?;
    for program in [
        "value_hits",
        "redis_values",
        "redis_hits",
        "redis_copies",
        "redis_compressed",
        "coded_hits",
        "cold",
        "queue_writes",
    ] {
        println!();
        let run = ["run", "--profile", "bench", "--package", "larder-bench", "--bin", program];
        shell::run_checked(&mut shell::cargo(&run))?;
    }
    Ok(ExitCode::SUCCESS)
}
