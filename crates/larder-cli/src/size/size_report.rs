//! The output of `larder size`.

use serde::Serialize;

use crate::cli_error::CliError;
use crate::output::{Output, Table, number, text, units};
use crate::size::entry_sample::EntrySample;
use crate::size::formula::{Needs, recommended};
use crate::size::measurement::Measured;

/// The memory that Redis needs, in bytes, by the formula and by measurement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    entries: u64,
    /// Whether the number of entries comes from a part of the keys.
    is_estimate: bool,
    formula: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<MeasuredBytes>,
    /// The `maxmemory` to set.
    recommended_maxmemory_bytes: u64,
    command: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Bytes {
    per_entry_bytes: u64,
    responses_bytes: u64,
    log_bytes: u64,
    instances_bytes: u64,
    server_bytes: u64,
    total_bytes: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct MeasuredBytes {
    /// The number of entries that were measured.
    entries: u64,
    per_entry_bytes: u64,
    /// The mean of `MEMORY USAGE`, which leaves out the tables.
    memory_usage_bytes: Option<u64>,
    responses_bytes: u64,
    total_bytes: u64,
    /// How much more the formula says, in per cent of the measurement.
    difference_percent: f64,
}

impl Report {
    pub(super) fn of_formula(needs: Needs) -> Self {
        Self::new(needs, None)
    }

    pub(super) fn of_measurement(needs: Needs, measured: Measured) -> Self {
        let per_entry = measured.used.checked_div(measured.entries).unwrap_or_default();
        let responses = per_entry.saturating_mul(needs.entries);
        Self::new(
            needs,
            Some(MeasuredBytes {
                entries: measured.entries,
                per_entry_bytes: per_entry,
                memory_usage_bytes: measured.mean_usage,
                responses_bytes: responses,
                total_bytes: needs.total() - needs.responses + responses,
                difference_percent: difference(measured.by_formula, measured.used),
            }),
        )
    }

    pub(super) fn of_sample(needs: Needs, sample: &EntrySample) -> Self {
        let measured = sample.measured_bytes().map(|responses| MeasuredBytes {
            entries: sample.measured,
            per_entry_bytes: sample.mean_usage.unwrap_or_default(),
            memory_usage_bytes: sample.mean_usage,
            responses_bytes: responses,
            total_bytes: needs.total() - needs.responses + responses,
            difference_percent: difference(needs.responses, responses),
        });
        Self { is_estimate: !sample.is_complete, ..Self::new(needs, measured) }
    }

    fn new(needs: Needs, measured: Option<MeasuredBytes>) -> Self {
        let total = measured.map_or(0, |measured| measured.total_bytes).max(needs.total());
        let recommended = recommended(total);
        Self {
            entries: needs.entries,
            is_estimate: false,
            formula: Bytes {
                per_entry_bytes: needs.per_entry,
                responses_bytes: needs.responses,
                log_bytes: needs.log,
                instances_bytes: needs.instances,
                server_bytes: needs.server,
                total_bytes: needs.total(),
            },
            measured,
            recommended_maxmemory_bytes: recommended,
            command: format!("CONFIG SET maxmemory {recommended} maxmemory-policy volatile-lfu"),
        }
    }

    pub(super) fn print(&self, output: &Output) -> Result<(), CliError> {
        if output.is_json() {
            return output.json(self);
        }
        let measured = self.measured;
        let or_none = |value: Option<u64>| value.map(units::bytes).unwrap_or_default();
        let mut table = Table::new([text(""), number("FORMULA"), number("MEASURED")]);
        let formula = &self.formula;
        let responses = format!("{} responses", units::count(self.entries));
        let rows = [
            ("one response".to_owned(), formula.per_entry_bytes, measured.map(|one| one.per_entry_bytes)),
            (responses, formula.responses_bytes, measured.map(|one| one.responses_bytes)),
            ("invalidation log".to_owned(), formula.log_bytes, None),
            ("leases, records, connections".to_owned(), formula.instances_bytes, None),
            ("the server itself".to_owned(), formula.server_bytes, None),
            ("total".to_owned(), formula.total_bytes, measured.map(|one| one.total_bytes)),
        ];
        for (what, formula, measured) in rows {
            table.row([what, units::bytes(formula), or_none(measured)]);
        }
        output.table(&table)?;
        if let Some(measured) = &measured {
            output.line(&format!(
                "\nMeasured with {} responses. The formula differs by {:+.1} %.",
                units::count(measured.entries),
                measured.difference_percent
            ))?;
        }
        output.line(&format!("\nRecommended: {}", units::bytes(self.recommended_maxmemory_bytes)))?;
        output.line(&format!("  type    redis-cli> {}", self.command))
    }
}

/// Returns how much more the formula says, in per cent.
#[allow(clippy::cast_precision_loss)] // Shown with one digit.
fn difference(formula: u64, measured: u64) -> f64 {
    match measured {
        0 => 0.0,
        _ => (formula as f64 / measured as f64 - 1.0) * 100.0,
    }
}
