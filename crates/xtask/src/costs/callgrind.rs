//! Counts the instructions of one hit with valgrind.

use anyhow::{Context, Result};

use super::counts::{self, Cost};
use crate::shell;

/// Enough hits to average out the differences between them, such as a growing table or a first use.
pub(super) const HITS: u64 = 10_000;
const WARM: u64 = 1_000;

/// Makes cargo run the program under valgrind, which reports to standard error.
const UNDER_VALGRIND: &str =
    r#"target."cfg(all())".runner = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]"#;

pub(super) fn is_installed() -> bool {
    shell::try_output("valgrind", &["--version"]).is_some()
}

/// Adds the instructions of one hit of each case. This is the difference between two runs, so that
/// the warm-up is not included.
pub(super) fn add_instructions(costs: &mut [Cost]) -> Result<()> {
    for cost in costs {
        cost.instructions = Some(instructions(&cost.case, &[], HITS)?);
    }
    Ok(())
}

/// Returns the instructions of one hit of a case, as the mean of this number. The program is built
/// with these arguments.
pub(super) fn instructions(case: &str, arguments: &[&str], hits: u64) -> Result<u64> {
    let collected = |hits| collected(case, arguments, hits);
    Ok(collected(WARM + hits)?.saturating_sub(collected(WARM)?) / hits)
}

fn collected(case: &str, arguments: &[&str], hits: u64) -> Result<u64> {
    let hits = hits.to_string();
    let mut program = shell::cargo(&counts::program("hits"));
    program.args(arguments).args(["--config", UNDER_VALGRIND, "--", case, &hits]);
    let report = shell::output(&mut program)?.stderr;
    parse(&report).with_context(|| format!("no count in what valgrind reported: {report}"))
}

/// Parses the last line of callgrind's report, `==4711== Collected : 3844913`.
fn parse(report: &str) -> Option<u64> {
    let line = report.lines().find(|line| line.contains("Collected :"))?;
    line.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_the_report() {
        let report = "==7== Callgrind, a call-graph profiler\n==7== Events    : Ir\n==7== Collected : 38004934\n==7==\n";
        assert_eq!(parse(report), Some(38_004_934));
        assert_eq!(parse("==7== Events    : Ir\n"), None);
    }
}
