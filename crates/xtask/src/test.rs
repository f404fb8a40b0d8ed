//! `cargo xtask test`: runs every test of the default members with real servers.
//!
//! The tests of the console run if they are asked for, since they need a browser.

use std::process::ExitCode;

use anyhow::Result;

use crate::{redis, shell};

/// The package that needs a browser.
const BROWSER_TESTS: &str = "larder-browser";

/// Runs the tests with all features, and exits like `cargo test`.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    redis::ensure()?;
    redis::ensure_postgres()?;
    if args.iter().any(|arg| arg == BROWSER_TESTS || arg == "--workspace") {
        redis::ensure_browser()?;
    }
    let status = shell::run(shell::cargo(&["test", "--all-features"]).args(args))?;
    Ok(shell::exit_code(status))
}
