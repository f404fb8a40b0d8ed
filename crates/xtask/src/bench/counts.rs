//! The table of the costs of one hit.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::shell;

/// The allocations of one hit of a case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Allocated {
    pub(super) case: String,
    times: u64,
    bytes: u64,
}

/// Counts all cases with a program of the bench crate.
pub(super) fn allocated() -> Result<Vec<Allocated>> {
    let printed = shell::output(&mut shell::cargo(&program("allocations")))?.stdout;
    let lines = printed.lines().map(|line| parse(line).with_context(|| format!("unreadable: `{line}`")));
    lines.collect()
}

/// Returns the arguments that make cargo run a program of the bench crate. It uses the profile of
/// `cargo bench`, so that nothing is built twice.
pub(super) fn program(name: &str) -> [&str; 7] {
    ["run", "--profile", "bench", "--package", "larder-bench", "--bin", name]
}

/// Parses a line of that program: the name of the case, the number of allocations, and their bytes.
fn parse(line: &str) -> Option<Allocated> {
    let mut words = line.split_whitespace();
    let case = words.next()?.to_owned();
    let mut number = || words.next()?.parse().ok();
    Some(Allocated { case, times: number()?, bytes: number()? })
}

/// Formats one line for each case. The instructions are in the same order, if they were counted.
pub(super) fn table(allocated: &[Allocated], instructions: Option<&[u64]>) -> String {
    let mut table = format!("{:<16}{:>14}{:>14}{:>14}\n", "one hit", "allocations", "bytes", "instructions");
    for (index, Allocated { case, times, bytes }) in allocated.iter().enumerate() {
        let counted = instructions.and_then(|counted| counted.get(index));
        let counted = counted.map_or_else(|| "-".to_owned(), u64::to_string);
        // Writing to a string does not fail.
        let _ = writeln!(table, "{case:<16}{times:>14}{bytes:>14}{counted:>14}");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_counting_program_are_read_and_nothing_else_is() {
        let peer = Allocated { case: "peer".to_owned(), times: 6, bytes: 3052 };
        assert_eq!(parse("peer 6 3052"), Some(peer));
        for line in ["", "peer", "peer 6", "peer six 3052"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn each_case_is_a_line_with_its_own_instructions() {
        let allocated = ["bare 4 700", "peer 6 3052"].map(|line| parse(line).unwrap());
        let words = |table: &str| -> Vec<Vec<String>> {
            table.lines().map(|line| line.split_whitespace().map(String::from).collect()).collect()
        };
        let counted = words(&table(&allocated, Some(&[3416, 4841])));
        assert_eq!(counted[1], ["bare", "4", "700", "3416"]);
        assert_eq!(counted[2], ["peer", "6", "3052", "4841"]);
        assert_eq!(words(&table(&allocated, None))[2], ["peer", "6", "3052", "-"]);
    }
}
