//! Counts instructions with valgrind.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum as _;

use crate::hits::Turn;

const FEW: u64 = 200;
const TURNS: u64 = 1_000;

pub(crate) fn is_installed() -> bool {
    let version =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Returns the instructions of one turn. This is the difference of two runs, so that the setup is
/// not included.
pub(crate) fn instructions(turn: Turn, tags: usize) -> Result<u64> {
    let (few, many) = (count(turn, tags, FEW)?, count(turn, tags, FEW + TURNS)?);
    Ok(many.saturating_sub(few) / TURNS)
}

fn count(turn: Turn, tags: usize, number: u64) -> Result<u64> {
    let turn = turn.to_possible_value().context("a turn has a name")?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(std::env::current_exe()?).args(["hits", "--turn", turn.get_name()]);
    valgrind.args(["--tags", &tags.to_string(), "--number", &number.to_string()]);
    let output = valgrind.stdin(Stdio::null()).output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("valgrind failed: {report}");
    }
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
        let report = "==7== Events    : Ir\n==7== Collected : 38004934\n==7==\n";
        assert_eq!(parse(report), Some(38_004_934));
        assert_eq!(parse("==7== Events    : Ir\n"), None);
    }
}
