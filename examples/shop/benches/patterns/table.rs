//! The table of medians, in Markdown.

use std::fmt;
use std::time::Duration;

use crate::row::Row;

/// The times of all requests, by row and column.
pub(crate) struct Table {
    columns: Vec<&'static str>,
    times: Vec<Vec<Vec<Duration>>>,
}

impl Table {
    pub(crate) fn new(columns: impl Iterator<Item = &'static str>) -> Self {
        let columns: Vec<_> = columns.collect();
        Self { times: vec![vec![Vec::new(); columns.len()]; Row::ALL.len()], columns }
    }

    pub(crate) fn add(&mut self, row: Row, column: usize, time: Duration) {
        self.times[row as usize][column].push(time);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| request | {} |", self.columns.join(" | "))?;
        writeln!(f, "| --- |{}", " --- |".repeat(self.columns.len()))?;
        for row in Row::ALL {
            write!(f, "| {} |", row.as_str())?;
            for times in &self.times[row as usize] {
                match median(times) {
                    Some(median) => write!(f, " {} |", milliseconds(median))?,
                    None => f.write_str(" |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn median(times: &[Duration]) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// Formats milliseconds with two digits.
fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 0.995 { format!("{milliseconds:.2}") } else { format!("{milliseconds:.1}") }
}
