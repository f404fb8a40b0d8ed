//! The costs of one hit of each case.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use anyhow::{Context, Error, Result};

use crate::shell;

/// The cost of one hit of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) case: String,
    /// The number of allocations.
    pub(super) times: u64,
    pub(super) bytes: u64,
    /// `None` if instructions were not counted.
    pub(super) instructions: Option<u64>,
}

/// Counts the allocations of all cases.
pub(super) fn allocated() -> Result<Vec<Cost>> {
    let printed = shell::output(&mut shell::cargo(&program("allocations")))?.stdout;
    printed.lines().map(str::parse).collect()
}

/// Returns the arguments that make cargo run a program of the package. It uses the profile of
/// `cargo bench`, so that nothing is built twice.
pub(super) fn program(name: &str) -> [&str; 8] {
    ["run", "--locked", "--profile", "bench", "--package", "larder-hit-costs", "--bin", name]
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.case, self.times, self.bytes)?;
        self.instructions.map_or(Ok(()), |instructions| write!(f, " {instructions}"))
    }
}

impl FromStr for Cost {
    type Err = Error;

    /// Parses a line: the case, the number of allocations, their bytes, and the instructions.
    fn from_str(line: &str) -> Result<Self> {
        parse(line).with_context(|| format!("unreadable: `{line}`"))
    }
}

fn parse(line: &str) -> Option<Cost> {
    let mut words = line.split_whitespace();
    let case = words.next()?.to_owned();
    let mut number = || words.next()?.parse().ok();
    let (times, bytes) = (number()?, number()?);
    let instructions = words.next().map(str::parse).transpose().ok()?;
    Some(Cost { case, times, bytes, instructions })
}

/// Formats one line for each case.
pub(super) fn table(costs: &[Cost]) -> String {
    let mut table = format!("{:<18}{:>14}{:>14}{:>14}\n", "one hit", "allocations", "bytes", "instructions");
    for Cost { case, times, bytes, instructions } in costs {
        let counted = instructions.map_or_else(|| "-".to_owned(), |counted| counted.to_string());
        // Writing to a string does not fail.
        let _ = writeln!(table, "{case:<18}{times:>14}{bytes:>14}{counted:>14}");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for line in ["peer 6 3052", "peer 6 3052 4861"] {
            assert_eq!(line.parse::<Cost>().unwrap().to_string(), line);
        }
        for line in ["", "peer", "peer 6", "peer six 3052", "peer 6 3052 many"] {
            assert!(line.parse::<Cost>().is_err(), "{line}");
        }
    }

    #[test]
    fn each_case_is_a_line_of_the_table() {
        let costs = ["bare 4 700 3416", "peer 6 3052"].map(|line| line.parse().unwrap());
        let words: Vec<Vec<String>> =
            table(&costs).lines().map(|line| line.split_whitespace().map(String::from).collect()).collect();
        assert_eq!(words[1], ["bare", "4", "700", "3416"]);
        assert_eq!(words[2], ["peer", "6", "3052", "-"]);
    }
}
