//! The cost of metrics on a hit.

use anyhow::{Result, bail};

use super::callgrind::{HITS, instructions};

/// Hits of Larder, without a router, on a route, and on one with a path parameter.
const CASES: [&str; 3] = ["larder", "router-larder", "parameter-larder"];
const WITH_METRICS: [&str; 2] = ["--features", "metrics"];
/// The recorder measures the clock when it is created. That takes millions of instructions, and
/// never the same number. Among so many hits, it is less than 0.2 %.
const MEASURED_HITS: u64 = 20 * HITS;
/// The maximum part that metrics may add, in percent. The recorder of Prometheus takes most of it.
const MAX_PERCENT: f64 = 1.5;

/// Prints the instructions of a hit with and without metrics, and fails if the difference is too
/// large.
pub(super) fn compare() -> Result<()> {
    let without = CASES.map(|case| instructions(case, &[], HITS));
    let with = CASES.map(|case| instructions(case, &WITH_METRICS, MEASURED_HITS));
    println!("{:<18}{:>10}{:>14}{:>10}", "one hit", "without", "with metrics", "more");
    let mut most = 0.0_f64;
    for ((case, without), with) in CASES.into_iter().zip(without).zip(with) {
        let (without, with) = (without?, with?);
        let percent = (with as f64 / without as f64 - 1.0) * 100.0;
        println!("{case:<18}{without:>10}{with:>14}{percent:>8.2} %");
        most = most.max(percent);
    }
    if most > MAX_PERCENT {
        bail!("metrics may add {MAX_PERCENT} % to a hit");
    }
    Ok(())
}
