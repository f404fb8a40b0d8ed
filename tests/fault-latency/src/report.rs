//! The table.

use std::time::Duration;

use clap::ValueEnum as _;

use crate::fault::Fault;
use crate::load::Seen;
use crate::trial::{Outcome, quantile, took};

pub(crate) const HEAD: &str = "\
| trouble | requests | errors | healthy p50 / p99 / max | during it p50 / p99 / max | hits | handler runs | hits again after | held |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |";

/// What was seen in one kind of trouble.
pub(crate) fn row(fault: Fault, seen: &Outcome) -> String {
    let name = fault.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let hits = seen.troubled.iter().filter(|seen| seen.hit).count();
    format!(
        "| {name} | {} | {} | {} | {} | {hits} | {} | {} ms | {} |",
        seen.troubled.len(),
        seen.errors(),
        times(&seen.healthy),
        times(&seen.troubled),
        seen.runs,
        seen.back_after.as_millis(),
        if seen.held() { "yes" } else { "NO" },
    )
}

fn times(seen: &[Seen]) -> String {
    let sorted = took(seen);
    let [half, most, all] = [50, 99, 100].map(|percent| millis(quantile(&sorted, percent)));
    format!("{half} / {most} / {all} ms")
}

fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}
