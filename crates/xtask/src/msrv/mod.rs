//! `cargo xtask msrv`: the library crates compile with the Rust version that they ask for.

mod available;
mod compiler;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::library::{Library, Scratch};
use crate::skip::skip;

const CHECK: &str = "the minimum Rust version";

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Fail if no compiler of that version can be found. Without this, the check is skipped.
    #[arg(long)]
    required: bool,
    /// The compiler to use. Default: rustup's toolchain of that version, else /usr/bin/rustc, else
    /// Debian's package, which is unpacked below the target folder.
    #[arg(long, env = "MSRV_RUSTC", value_name = "PATH")]
    rustc: Option<PathBuf>,
}

/// Checks the crates in a scratch workspace, with the newest dependencies for that compiler.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let library = Library::read()?;
    let wanted = library.rust_version()?;
    let compiler = match compiler::find(wanted, options.rustc.as_deref(), &library.folder("msrv")) {
        Ok(compiler) => compiler,
        Err(error) => return skip(options.required, CHECK, &format!("{error:#}")),
    };
    eprintln!("{} at {}", compiler.version, compiler.rustc.display());
    let scratch = Scratch::new(&library, "msrv")?;
    if !scratch.resolve()? {
        return skip(options.required, CHECK, Scratch::UNRESOLVED);
    }
    scratch.check(|cargo| compiler.set(cargo))?;
    Ok(ExitCode::SUCCESS)
}
