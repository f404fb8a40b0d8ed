//! The output of `larder bench`.

use serde::Serialize;

use crate::bench::load_loop::Load;
use crate::bench::plan::Plan;
use crate::cli_error::CliError;
use crate::output::{Output, Table, number, text, units};
use crate::target::RedisTarget;

/// How the commands of a measurement share connections.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct RowShape {
    pub(super) connections: u64,
    /// The number of commands on a connection whose answers are outstanding.
    pub(super) in_flight: u64,
}

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    /// The path of the operations: `redis`, `shared tier` or `layer`.
    path: &'static str,
    operation: &'static str,
    #[serde(flatten)]
    shape: Option<RowShape>,
    requests: u64,
    seconds: f64,
    per_second: f64,
    p50_seconds: f64,
    p90_seconds: f64,
    p99_seconds: f64,
    p999_seconds: f64,
    max_seconds: f64,
    /// Operations without the right answer.
    failed: u64,
    /// How often the handler ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    handler_calls: Option<u64>,
}

impl Row {
    #[allow(clippy::cast_precision_loss)] // Shown with three digits.
    pub(super) fn new(
        path: &'static str,
        operation: &'static str,
        shape: Option<RowShape>,
        load: &Load,
    ) -> Self {
        let at = |quantile| load.times.value_at_quantile(quantile) as f64 / 1e9;
        let seconds = load.elapsed.as_secs_f64();
        Self {
            path,
            operation,
            shape,
            requests: load.times.len(),
            seconds,
            per_second: load.times.len() as f64 / seconds.max(1e-9),
            p50_seconds: at(0.5),
            p90_seconds: at(0.9),
            p99_seconds: at(0.99),
            p999_seconds: at(0.999),
            max_seconds: load.times.max() as f64 / 1e9,
            failed: load.failed,
            handler_calls: None,
        }
    }

    pub(super) fn with_handler_calls(self, calls: u64) -> Self {
        Self { handler_calls: Some(calls), ..self }
    }
}

/// All measurements.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    redis: String,
    keys: u64,
    bytes: u64,
    tasks: u64,
    measurements: Vec<Row>,
}

impl Report {
    pub(super) fn new(target: &RedisTarget, plan: &Plan, measurements: Vec<Row>) -> Self {
        Self {
            redis: target.shown_url(),
            keys: plan.keys,
            bytes: plan.bytes,
            tasks: plan.tasks,
            measurements,
        }
    }

    pub(super) fn print(&self, output: &Output) -> Result<(), CliError> {
        if output.is_json() {
            return output.json(self);
        }
        output.line(&format!(
            "{} keys with values of {}, {} at the same time\n",
            units::count(self.keys),
            units::bytes(self.bytes),
            self.tasks
        ))?;
        let mut table = Table::new([
            text("PATH"),
            text("OPERATION"),
            number("CONNECTIONS"),
            number("IN FLIGHT"),
            number("PER SECOND"),
            number("P50"),
            number("P90"),
            number("P99"),
            number("P99.9"),
            number("MAX"),
            number("HANDLER"),
            number("FAILED"),
        ]);
        for row in &self.measurements {
            table.row(row.cells());
        }
        output.table(&table)?;
        output.line(
            "\nA connection with one command in flight is what redis-benchmark measures without -P. Larder has one \
             connection\nwith many commands in flight.",
        )
    }
}

impl Row {
    fn cells(&self) -> [String; 12] {
        let shape =
            |part: fn(RowShape) -> u64| self.shape.map(|shape| part(shape).to_string()).unwrap_or_default();
        [
            self.path.to_owned(),
            self.operation.to_owned(),
            shape(|shape| shape.connections),
            shape(|shape| shape.in_flight),
            units::count(rate(self.per_second)),
            time(self.p50_seconds),
            time(self.p90_seconds),
            time(self.p99_seconds),
            time(self.p999_seconds),
            time(self.max_seconds),
            self.handler_calls.map(units::count).unwrap_or_default(),
            units::count(self.failed),
        ]
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A rate is not negative.
fn rate(per_second: f64) -> u64 {
    per_second.round() as u64
}

/// Returns a time with three digits: hits in memory take microseconds.
fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-3 => format!("{:.1} µs", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_digit_after_the_point() {
        let cases = [(0.000_000_7, "0.7 µs"), (0.000_123, "123.0 µs"), (0.001_5, "1.50 ms"), (2.0, "2.00 s")];
        for (seconds, expected) in cases {
            assert_eq!(time(seconds), expected);
        }
    }
}
