//! The table of costs in the repository.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result};

use super::counts::Cost;

/// The counts of all cases on one platform.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) platform: String,
    pub(super) costs: Vec<Cost>,
}

/// The first line. The platform follows it.
const HEADING: &str = "# `cargo xtask costs --write` writes this file.";
const PLATFORM: &str = "# Counted with ";
const COLUMNS: &str = "# case, allocations, bytes, instructions of one hit";

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADING}\n{PLATFORM}{}\n{COLUMNS}", self.platform)?;
        self.costs.iter().try_for_each(|cost| writeln!(f, "{cost}"))
    }
}

impl FromStr for Record {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let platform = text.lines().find_map(|line| line.strip_prefix(PLATFORM));
        let platform = platform.context("the table names no platform")?.to_owned();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Ok(Self { platform, costs: lines.map(str::parse).collect::<Result<_>>()? })
    }
}

/// A case of Larder may take this many percent of the instructions in the table.
///
/// The place of code and data in memory changes from build to build. That alone changes the counts
/// of the other cases by up to 1.1 %.
const MAX_PERCENT: u64 = 101;
/// The ends of the names of cases without Larder.
const OTHERS: [&str; 3] = ["bare", "least", "peer"];

/// Returns a line for each case that differs. Allocations and bytes must be equal.
pub(super) fn differences(expected: &[Cost], counted: &[Cost]) -> Vec<String> {
    let of = |costs: &[Cost], case: &str| costs.iter().find(|cost| cost.case == case).cloned();
    let mut differences = Vec::new();
    for new in counted {
        match of(expected, &new.case) {
            Some(old) if is_same(&old, new) => {}
            Some(old) => differences.push(format!("expected: {old}\n counted: {new}")),
            None => differences.push(format!("a new case: {new}")),
        }
    }
    let gone = expected.iter().filter(|old| of(counted, &old.case).is_none());
    differences.extend(gone.map(|old| format!("no such case: {old}")));
    differences
}

fn is_same(old: &Cost, new: &Cost) -> bool {
    let (before, now) = (old.instructions.unwrap_or_default(), new.instructions.unwrap_or_default());
    let is_other = OTHERS.iter().any(|other| new.case.ends_with(other));
    (old.times, old.bytes) == (new.times, new.bytes) && (is_other || now * 100 <= before * MAX_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(lines: &[&str]) -> Vec<Cost> {
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = Record {
            platform: "rustc 1.95.0, x86_64-unknown-linux-gnu, (GNU libc) 2.36".to_owned(),
            costs: costs(&["bare 4 700 3400", "larder 3 1116 4772"]),
        };
        assert_eq!(record.to_string().parse::<Record>().unwrap(), record);
        assert!("bare 4 700 3400".parse::<Record>().is_err(), "it names no platform");
        assert!(format!("{PLATFORM}x\nbare").parse::<Record>().is_err());
    }

    #[test]
    fn one_percent_more_instructions_are_no_difference() {
        for (expected, counted, is_same) in [
            ("larder 4 700 3400", "larder 4 700 3434", true),
            ("larder 4 700 3400", "larder 4 700 3000", true),
            ("larder 4 700 3400", "larder 4 700 3435", false),
            ("larder 4 700 3400", "larder 5 700 3400", false),
            ("larder 4 700 3400", "larder 4 701 3400", false),
            ("larder 4 700 3400", "head 4 700 3400", false),
            ("router-bare 4 700 3400", "router-bare 4 700 9999", true),
            ("router-bare 4 700 3400", "router-bare 5 700 3400", false),
        ] {
            let expected = costs(&[expected]);
            assert_eq!(differences(&expected, &costs(&[counted])).is_empty(), is_same, "{counted}");
        }
        assert_eq!(differences(&costs(&["head 4 700 3400"]), &[]).len(), 1, "a case that is gone");
    }
}
