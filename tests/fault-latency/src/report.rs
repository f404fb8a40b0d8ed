//! The table of results.

use std::time::Duration;

use clap::ValueEnum as _;

use crate::fault::Fault;
use crate::load::RequestResult;
use crate::trial::{Outcome, durations, quantile};

pub(crate) const HEAD: &str = "\
| fault | requests | errors | healthy p50 / p99 / max | during it p50 / p99 / max | hits | handler runs | hits again after | held |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |";

/// Formats the results of one kind of fault.
pub(crate) fn row(fault: Fault, outcome: &Outcome) -> String {
    let name = fault.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let hits = outcome.troubled.iter().filter(|result| result.hit).count();
    format!(
        "| {name} | {} | {} | {} | {} | {hits} | {} | {} ms | {} |",
        outcome.troubled.len(),
        outcome.errors(),
        times(&outcome.healthy),
        times(&outcome.troubled),
        outcome.runs,
        outcome.back_after.as_millis(),
        if outcome.is_within_bounds() { "yes" } else { "NO" },
    )
}

fn times(results: &[RequestResult]) -> String {
    let sorted = durations(results);
    let [half, most, all] = [50, 99, 100].map(|percent| millis(quantile(&sorted, percent)));
    format!("{half} / {most} / {all} ms")
}

fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}
