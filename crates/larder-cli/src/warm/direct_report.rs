//! The replies of the application.

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::cli_error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, Table, number, text, units};

/// The longest word of `X-Cache` that is counted by itself.
const MAX_WORD: usize = 32;
/// The most different outcomes.
const MAX_OUTCOMES: usize = 32;

/// The reply to one request.
#[derive(Debug)]
pub(super) struct Reply {
    /// `None` if the body broke off.
    status: Option<StatusCode>,
    outcome: String,
}

impl Reply {
    /// A response that broke off.
    pub(super) const LOST: Self = Self { status: None, outcome: String::new() };

    pub(super) fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        let word = headers.get("x-cache").and_then(|value| value.to_str().ok()).unwrap_or("none");
        Self { status: Some(status), outcome: word.chars().take(MAX_WORD).collect() }
    }
}

/// The replies, counted.
#[derive(Debug, Default)]
pub(super) struct DirectReport {
    statuses: BTreeMap<u16, u64>,
    outcomes: BTreeMap<String, u64>,
    broken: u64,
    unreachable: u64,
    unreachable_in_a_row: u32,
    last_error: Option<CliError>,
}

impl DirectReport {
    pub(super) fn add(&mut self, reply: Result<Reply, CliError>) {
        match reply {
            Ok(Reply { status: Some(status), outcome }) => {
                self.unreachable_in_a_row = 0;
                *self.statuses.entry(status.as_u16()).or_default() += 1;
                let is_new = !self.outcomes.contains_key(&outcome);
                let is_full = is_new && self.outcomes.len() >= MAX_OUTCOMES;
                *self.outcomes.entry(if is_full { "other".to_owned() } else { outcome }).or_default() += 1;
            }
            Ok(Reply { status: None, .. }) => self.broken += 1,
            Err(error) => {
                self.unreachable += 1;
                self.unreachable_in_a_row += 1;
                self.last_error = Some(error);
            }
        }
    }

    pub(super) fn done(&self) -> u64 {
        self.statuses.values().sum::<u64>() + self.broken + self.unreachable
    }

    pub(super) const fn unreachable_in_a_row(&self) -> u32 {
        self.unreachable_in_a_row
    }

    /// Returns the number of requests without a response that is worth storing.
    fn failed(&self) -> u64 {
        let errors = self.statuses.range(500..).map(|(_, count)| count).sum::<u64>();
        errors + self.broken + self.unreachable
    }

    pub(super) fn print(&self, output: &Output) -> Result<(), CliError> {
        if output.is_json() {
            return output.json(&json!({
                "done": self.done(),
                "failed": self.failed(),
                "statuses": self.statuses,
                "outcomes": self.outcomes,
                "broken_off": self.broken,
                "unreachable": self.unreachable,
            }));
        }
        let (done, failed) = (units::count(self.done()), units::count(self.failed()));
        output.line(&format!("{done} pages, {failed} failed"))?;
        let mut table = Table::new([text(""), text(""), number("pages")]);
        for (status, count) in &self.statuses {
            table.row(["status".to_owned(), status.to_string(), units::count(*count)]);
        }
        for (outcome, count) in &self.outcomes {
            table.row(["X-Cache".to_owned(), outcome.clone(), units::count(*count)]);
        }
        for (count, what) in [(self.broken, "broken off"), (self.unreachable, "no answer")] {
            if count > 0 {
                table.row(["failed".to_owned(), what.to_owned(), units::count(count)]);
            }
        }
        if table.is_empty() { Ok(()) } else { output.table(&table) }
    }

    /// Returns how the command ended. If no page was reached, the application is not there.
    pub(super) fn finish(self, is_interrupted: bool) -> Result<ExitCode, CliError> {
        let (failed, done) = (self.failed(), self.done());
        match self.last_error {
            Some(error) if self.statuses.is_empty() && !is_interrupted => Err(error),
            _ if is_interrupted => Ok(ExitCode::Interrupted),
            _ if failed > 0 => Ok(ExitCode::Failed),
            _ if done == 0 => Ok(ExitCode::Findings),
            _ => Ok(ExitCode::Done),
        }
    }
}
