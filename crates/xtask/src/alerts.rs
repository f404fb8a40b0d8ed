//! `cargo xtask alerts`: the alerts and the dashboard, with a real Prometheus.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{redis, shell};

/// The checks of Prometheus's own tool.
const PROMTOOL: [[&str; 3]; 2] = [
    // It checks the rules as well.
    ["check", "config", "ops/prometheus/prometheus.yml"],
    ["test", "rules", "ops/prometheus/alerts_test.yml"],
];

/// Checks and tests the rules, and then runs them in a Prometheus that scrapes two shops.
pub(crate) fn run() -> Result<ExitCode> {
    redis::ensure()?;
    redis::ensure_prometheus()?;
    for check in PROMTOOL {
        shell::run_checked(Command::new("promtool").args(check).current_dir(shell::root()))?;
    }
    shell::run_checked(&mut shell::cargo(&TEST))?;
    Ok(ExitCode::SUCCESS)
}

const TEST: [&str; 8] =
    ["test", "--locked", "--package", "shop", "--test", "prometheus", "--", "--include-ignored"];
