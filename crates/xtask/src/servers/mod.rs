//! `cargo xtask servers`: the tests that need Redis, with newer servers than the installed one.

mod server;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::{env, iter};

use anyhow::{Context, Result};
use clap::Args;

use self::server::{SERVERS, Server};
use crate::shell;

/// Which servers, and which tests.
#[derive(Args)]
pub(crate) struct Options {
    /// Only runs the tests with this server.
    #[arg(long, value_parser = SERVERS.map(|server| server.name))]
    only: Option<String>,
    /// Arguments for `cargo test` in place of the tests that need Redis.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// The tests that need Redis, as arguments for `cargo test`.
const TESTS: [&[&str]; 2] = [&["-p", "larder-redis"], &["-p", "larder-tests", "--test", "redis"]];

/// Runs the tests with each server. Stops at the first failure.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let is_wanted = |server: &&Server| options.only.as_ref().is_none_or(|only| only == server.name);
    for server in SERVERS.iter().filter(is_wanted) {
        let programs = server.programs(&shell::root().join("target/servers"))?;
        let path = path_with(&programs)?;
        eprintln!(
            "{}",
            shell::output(std::process::Command::new(programs.join("redis-server")).arg("--version"))?
                .stdout
                .trim()
        );
        let given =
            (!options.args.is_empty()).then(|| options.args.iter().map(String::as_str).collect::<Vec<_>>());
        for tests in given.as_deref().map_or_else(|| TESTS.to_vec(), |given| vec![given]) {
            shell::run_checked(shell::cargo(&["test", "--all-features"]).args(tests).env("PATH", &path))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the search path with this folder first.
fn path_with(folder: &Path) -> Result<OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(folder.to_owned()).chain(env::split_paths(&rest));
    env::join_paths(folders).context("the path of the repository cannot be in PATH")
}
