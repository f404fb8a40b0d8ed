//! `cargo xtask minimal`: the library crates compile with the lowest versions of dependencies.

use std::process::ExitCode;

use anyhow::Result;

use crate::library::{Library, Scratch};
use crate::shell;
use crate::skip::skip;

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Fail if the registry cannot be reached. Without this, the check is skipped.
    #[arg(long)]
    required: bool,
}

/// Checks the crates in a scratch workspace, with each direct dependency in its lowest version.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let scratch = Scratch::new(&Library::read()?, "minimal")?;
    if !scratch.resolve()? {
        return skip(options.required, "the lowest versions", Scratch::UNRESOLVED);
    }
    // The option is unstable. A stable cargo accepts it with the variable, which is not set for
    // the compiler.
    let mut update = scratch.cargo(&["update", "--quiet", "-Z", "direct-minimal-versions"]);
    shell::run_checked(update.env("RUSTC_BOOTSTRAP", "1"))?;
    scratch.check(|_| {})?;
    Ok(ExitCode::SUCCESS)
}
